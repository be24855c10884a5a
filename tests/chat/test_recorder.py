"""What the audit could not take is written when it can, in the order it was said."""

import asyncio
from collections.abc import Sequence

from chat_fakes import Chat, MemoryAudit

from bot.runtime.ports import AuditDraft, AuditEntry
from handlers.recorder import TOGETHER, Recorder


async def test_lines_wait_for_the_database_in_their_order() -> None:
    """Three commands while the disk is full, one afterwards: four lines, in order, each once."""
    chat = Chat()
    chat.audit.broken = True
    for line in ("/status", "/pause xrp", "/trades 3"):
        assert (await chat.reply(line)).ok
    assert chat.audit.drafts == []
    chat.audit.broken = False
    await chat.say("/config")
    assert chat.audit.outcomes == [("status", "ok"), ("pause", "ok"), ("trades", "ok"), ("config", "denied")]
    times = [draft.at_ms for draft in chat.audit.drafts]
    assert times == sorted(times)


class SlowAudit(MemoryAudit):
    """One whose transactions wait until they may go on; `written` is how many lines each of them had."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()
        self.written: list[int] = []

    async def extend(self, drafts: Sequence[AuditDraft]) -> tuple[AuditEntry, ...]:
        await self.go.wait()
        found = await super().extend(drafts)
        self.written.append(len(drafts))
        return found


def line(number: int) -> AuditDraft:
    return AuditDraft(number, "telegram", "2", "2", "/status", "", "ok")


async def said(recorder: Recorder, *numbers: int) -> list[asyncio.Task[None]]:
    """So many people's lines, each of whom waits for theirs."""
    tasks = [asyncio.create_task(recorder.append(line(number))) for number in numbers]
    await asyncio.sleep(0)
    return tasks


async def test_what_is_said_while_a_line_is_written_goes_together_in_its_order() -> None:
    audit = SlowAudit()
    recorder = Recorder(lambda: audit)
    first = await said(recorder, 0)
    await asyncio.sleep(0)
    others = await said(recorder, *range(1, TOGETHER + 21))
    audit.go.set()
    await asyncio.gather(*first, *others)
    assert audit.written == [1, TOGETHER, 20]
    assert [draft.at_ms for draft in audit.drafts] == list(range(TOGETHER + 21))
    assert recorder.waiting == 0


async def test_whoever_goes_away_meanwhile_leaves_the_line_and_loses_nobody_elses() -> None:
    audit = SlowAudit()
    recorder = Recorder(lambda: audit)
    tasks = await said(recorder, 0, 1, 2)
    tasks[0].cancel()
    tasks[2].cancel()
    audit.go.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert [draft.at_ms for draft in audit.drafts] == [0, 1, 2]
    assert tasks[1].exception() is None


async def test_lines_that_wait_go_with_the_next_and_nobody_is_kept_by_a_broken_audit() -> None:
    audit = SlowAudit()
    audit.go.set()
    audit.broken = True
    recorder = Recorder(lambda: audit)
    await asyncio.gather(*await said(recorder, *range(5)))
    assert (recorder.waiting, audit.written) == (5, [])
    audit.broken = False
    await recorder.append(line(5))
    assert (recorder.waiting, audit.written) == (0, [6])
