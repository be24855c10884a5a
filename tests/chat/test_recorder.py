"""What the audit could not take is written when it can, in the order it was said."""

from chat_fakes import Chat


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
