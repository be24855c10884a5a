"""/clusters and /retrain clusters: what counts, since when, and a new one made while somebody watches."""

from dataclasses import dataclass, field

from command_kit import Talk, busy_desk, fields, rows

from bot.domain.refusal import Refused
from bot.ml.grouping import Cluster, Grouping, Measures, Member
from handlers.grouper import Groups, Kept, NoGrouper, Regrouped, moved, moved_words
from handlers.lab import Told

AT_MS = 1_700_000_000_000
CALM = Measures(0.004, 12_345_678.9, 0.912, 1.1, 0.2, 0.0001, 1.0)
WILD = Measures(0.0213, 1e6, None, None, 0.3, 0.001, 1.25)
TOO_FEW = Refused("work", "5 of 5 symbols have the candles of 30 days")
NAMES = tuple(f"S{number}USDT" for number in range(7))


def grouping() -> Grouping:
    clusters = (
        Cluster(0, ("BTCUSDT", "ETHUSDT"), CALM, "calm, much traded, moves with BTC"),
        Cluster(1, (*NAMES, "XRPUSDT"), WILD, "wild"),
    )
    members = [Member(name, one.number, one.means) for one in clusters for name in one.symbols]
    return Grouping(
        AT_MS, 30, 900_000, 2, 0.456, clusters, tuple(sorted(members, key=lambda one: one.symbol))
    )


@dataclass
class Grouper(NoGrouper):
    """One grouping; a new one, or a refusal, when asked."""

    answer: Regrouped | Refused = TOO_FEW
    newest: Grouping | None = field(default_factory=grouping)
    asked: list[str] = field(default_factory=list)

    async def kept(self) -> Kept:
        return Kept(self.newest, 3, AT_MS - 14 * 86_400_000)

    async def regroup(self, user: str, told: Told) -> Regrouped | Refused:
        self.asked.append(user)
        await told(0.5, "XRPUSDT")
        return self.answer


def talk_of(grouper: Grouper, user: str = "1") -> Talk:
    return Talk(busy_desk(), user=user, context=(Groups(grouper),))


async def test_clusters_are_told_in_words_and_figures_with_their_dates() -> None:
    reply = await talk_of(Grouper()).say("/clusters")
    assert reply.title == "Clusters · 2"
    assert rows(reply) == [
        {
            "Cluster": "0", "Symbols": "2", "Which": "BTCUSDT, ETHUSDT",
            "Behaviour": "calm, much traded, moves with BTC", "ATR": "0.40%", "Turnover a day": "12,345,679",
            "With BTC": "0.91", "Beta": "1.10",
        },
        {
            "Cluster": "1", "Symbols": "8", "Which": f"{', '.join(NAMES[:5])} and 3 more: /clusters 1",
            "Behaviour": "wild", "ATR": "2.13%", "Turnover a day": "1,000,000", "With BTC": "–", "Beta": "–",
        },
    ]  # fmt: skip
    told = fields(reply)
    assert told["Made from"] == "the candles of 30 days, 10 symbols"
    assert told["Kept"].startswith("3 groupings, the first of 2023-10-31")
    assert told["Counts for bars after"].startswith("2023-11-14")
    assert [button.label for button in reply.buttons] == ["Refresh", "Cluster 0", "Cluster 1", "Group now"]


async def test_one_cluster_names_all_its_symbols() -> None:
    reply = await talk_of(Grouper()).say("/clusters 1")
    assert [row["Symbol"] for row in rows(reply)] == [*NAMES, "XRPUSDT"]
    assert rows(reply)[0]["Spread"] == "0.100%"
    assert (await talk_of(Grouper()).say("/clusters 2")).text == "There is no cluster 2; there are 0 to 1."


async def test_without_groupings_it_says_so() -> None:
    reply = await talk_of(Grouper(newest=None)).say("/clusters")
    assert (reply.title, reply.table) == ("Clusters · none", None)
    assert "Symbols have not been grouped yet" in reply.text


async def test_a_new_grouping_says_who_moved_and_who_is_left_out() -> None:
    found = Regrouped(grouping(), (("ETHUSDT", 1, 0), ("XRPUSDT", None, 1), ("YUSDT", 2, None)), ("YUSDT",))
    grouper = Grouper(found)
    reply = await talk_of(grouper).confirmed("/retrain clusters")
    assert grouper.asked == ["test:1"]
    assert reply.title == "Grouped · 2 clusters"
    assert fields(reply)["In another cluster now"] == "ETHUSDT 1 → 0, XRPUSDT none → 1, YUSDT 2 → none"
    assert "Too few candles for a cluster: YUSDT." in reply.text
    assert [(one.name, one.before, one.after) for one in reply.changes] == [
        ("cluster of ETHUSDT", "1", "0"), ("cluster of XRPUSDT", "none", "1"), ("cluster of YUSDT", "2", "none"),
    ]  # fmt: skip


async def test_what_cannot_be_grouped_is_one_line() -> None:
    reply = await talk_of(Grouper()).confirmed("/retrain clusters")
    assert (reply.ok, reply.text) == (False, "5 of 5 symbols have the candles of 30 days.")
    busy = Grouper(Refused("running", "you have a sweep running; one at a time"))
    refused = await talk_of(busy).confirmed("/retrain clusters")
    assert [button.label for button in refused.buttons] == ["Stop it"]


async def test_it_is_for_admins() -> None:
    grouper = Grouper()
    assert not (await talk_of(grouper, "2").say("/retrain clusters")).ok
    assert not grouper.asked


async def test_a_desk_without_a_grouper_says_so() -> None:
    reply = await Talk(busy_desk()).confirmed("/retrain clusters")
    assert reply.text == "symbols cannot be grouped from this desk."


def test_who_moved_is_told_symbol_by_symbol() -> None:
    found = moved({"A": 1, "B": 2, "C": 0}, {"A": 1, "B": 0, "D": 3})
    assert found == (("B", 2, 0), ("C", 0, None), ("D", None, 3))
    assert moved_words(found) == ["B 2 → 0", "C 0 → none", "D none → 3"]
