"""Rollups and root: bounded, independent of order, what is repeated weighs most, the latest wins."""

import os
import random
import subprocess
import sys
from pathlib import Path

from compiler.brief import brief
from compiler.extractive import lines, tree
from compiler.extractive.tree import MOST_COMMITS, MOST_DIGESTS, MOST_FILES, ROLLUP_PER_KIND
from data_models.knowledge import Node
from tests.compiler.talk import DAY_MS, START_MS, Talk, digest, told


def rollup(*nodes: Node) -> Node:
    return tree.rollup("month", "2026-01", nodes)


def compiled(*nodes: Node) -> str:
    root = lines.root("shop", [rollup(*nodes)])
    return brief(root, "shop", {cited.session_id for line in root.lines for cited in line.citations})[0]


def session(name: str, author: str, day: int, *said: str) -> Node:
    talk = Talk(START_MS + day * DAY_MS)
    for words in said:
        talk.human(words).agent("Fine.")
    return digest(talk, name, author)


def many(count: int) -> list[Node]:
    nodes = []
    for index in range(count):
        talk = Talk(START_MS + index * 3_600_000).human(
            f"let's keep `table_{index}` instead of `view_{index}`"
        )
        talk.edit(f"shop/part_{index % 90}/file_{index}.py").commit(
            f"feat: table number {index} of the ledger", f"{index:07x}"
        )
        nodes.append(digest(talk, f"session-{index:08x}", f"dev{index % 5}"))
    return nodes


def test_a_rollup_is_bounded_however_many_sessions() -> None:
    """A month of hundreds of sessions gives a node no larger than its limits."""
    node = rollup(*many(400))
    kinds = {one.kind for one in node.statements}
    assert all(len(told(node, kind)) <= ROLLUP_PER_KIND for kind in kinds)
    assert len(node.files) <= MOST_FILES
    assert len(node.commits) <= MOST_COMMITS
    assert len(node.digests) <= MOST_DIGESTS
    assert node.sessions == 400
    assert node.authors == ("dev0", "dev1", "dev2", "dev3", "dev4")


def test_the_order_of_children_changes_nothing() -> None:
    """Rollups are memoised by a hash of their inputs, whatever the order these are found in."""
    nodes = many(40)
    shuffled = random.Random(7).sample(nodes, len(nodes))
    assert rollup(*nodes) == rollup(*shuffled)


def test_every_process_gives_the_same_brief() -> None:
    """Equal knowledge is equal bytes, whatever the process's hash seed."""
    script = "from tests.compiler.test_extractive_tree import compiled, many; print(compiled(*many(25)))"
    told_by = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(told_by) == 1


def test_grouping_changes_little() -> None:
    """The same sessions through two groupings give the same statements."""
    nodes = many(30)
    flat = rollup(*nodes)
    grouped = rollup(rollup(*nodes[:11]), rollup(*nodes[11:17]), rollup(*nodes[17:]))
    assert {one.text for one in flat.statements} == {one.text for one in grouped.statements}
    assert flat.files == grouped.files
    assert flat.commits == grouped.commits


def test_what_many_ask_for_is_counted_once_with_its_authors() -> None:
    """The same request in several sessions becomes one line that names who asks for it, and how often."""
    nodes = [
        session("s-11111111", "ada", 0, "can we add tests for this?"),
        session("s-22222222", "bob", 1, "please add a test for it"),
        session("s-33333333", "ada", 2, "add tests please"),
    ]
    assert "ada, bob ask again and again (3 sessions): “" in compiled(*nodes)


def test_support_adds_up_through_any_grouping() -> None:
    """Twelve sessions that ask the same count as twelve, however they were rolled up; one session counts once."""
    nodes = [
        session(f"s-{index:08x}", "ada", index, "can we add tests for this?", "add tests please")
        for index in range(12)
    ]
    whole = rollup(rollup(*nodes[:5]), rollup(rollup(*nodes[5:8]), rollup(*nodes[8:])))
    assert [one.sessions for one in told(whole, "pattern")] == [12]


def test_a_request_made_once_is_no_convention() -> None:
    """A single short request says nothing about how the team works."""
    assert "Patterns" not in compiled(session("s-11111111", "ada", 0, "can we add tests for this?"))


def test_a_later_reversal_supersedes_the_earlier_decision() -> None:
    """The latest statement beats the earlier, and says which one it replaced."""
    first = session("s-11111111", "ada", 0, "let's use coloured stickers for the `ledger` backup tapes")
    second = session(
        "s-22222222",
        "bob",
        3,
        "let's drop the coloured stickers of the `ledger` backup tapes, labels do",
    )
    root = lines.root("shop", [rollup(first, second)])
    replaced = [line for line in root.lines if line.superseded_by]
    assert [line.text for line in replaced] == [
        "ada: “let's use coloured stickers for the `ledger` backup tapes”"
    ]
    assert replaced[0].superseded_by[0].session_id == "s-22222222"


def test_the_summary_names_the_branch_and_what_was_committed_there() -> None:
    """Committed work beats what was asked for."""
    talk = Talk().human("could you look into faster sync?").commit("perf: sync in one batch")
    assert "ada: `ada/sync`: sync in one batch" in compiled(digest(talk, branch="ada/sync"))


def test_what_replaces_a_decision_says_which_and_cites_both() -> None:
    """An agent's later decision takes the place of an earlier one about the same choice, by whoever."""
    first = digest(
        Talk()
        .human("where do the tallies live?")
        .agent("Decision: tallies are kept in a Redis hash per till, because tills restart rarely."),
        "s-11111111",
    )
    second = digest(
        Talk(START_MS + DAY_MS)
        .human("after the power cut all tallies were gone, why?")
        .agent(
            "Decision reversed: tallies move from the Redis hash per till into Postgres, because a restart lost them."
        ),
        "s-22222222",
        "bob",
    )
    text = compiled(first, second)
    assert text.count("Redis hash") == 2
    [line] = [one for one in text.split("\n") if "into Postgres" in one and "replaces" in one]
    assert "(replaces 2026-01-05: Tallies are kept in a Redis hash per till" in line
    assert line.endswith("[s:22222222#2] [s:11111111#2]")


def test_a_fork_is_no_second_voice() -> None:
    """A forked session repeats what was said before; who said it said it once."""
    nodes = [session(name, "ada", 0, "please never mock the till") for name in ("s-11111111", "s-22222222")]
    assert "sessions)" not in compiled(*nodes)


def test_one_wish_in_other_words_is_one_line() -> None:
    """A rule, a clause of a longer prompt and a refusal that ask for the same are joined, with all who asked."""
    text = compiled(
        session("s-11111111", "ada", 0, "Always run make check before you commit."),
        session("s-22222222", "bob", 1, "Good. Please run make check before committing, then tell me."),
        session("s-33333333", "cyd", 2, "No mocks of the till, please."),
        session("s-44444444", "ada", 3, "fix it, and no mocks in that test"),
        session("s-55555555", "bob", 4, "don't commit the lock file"),
    )
    patterns = text.split("## Patterns\n")[1].split("\n## ")[0]
    assert "ada, bob ask (2 sessions): “Always run make check before you commit.”" in patterns
    assert "ada, cyd ask (2 sessions): “No mocks" in patterns
    assert "lock file" not in patterns.split("\n")[0]


def test_orders_are_no_convention() -> None:
    """What people say to move on comes up in every session and says nothing about how they work."""
    nodes = [
        session(f"s-{index:08x}", f"dev{index}", index, "fix the tests", "commit and push", "open a PR")
        for index in range(4)
    ]
    assert "## Patterns" not in compiled(*nodes)


def test_what_was_done_later_is_not_open() -> None:
    """An open item goes once a commit elsewhere names the same."""
    first = digest(
        Talk().human("add a log").agent("Added. Not done yet: nothing prunes old receipts."), "s-11111111"
    )
    second = digest(
        Talk(START_MS + DAY_MS).human("go on").commit("Prune old receipts after two years"),
        "s-22222222",
        "bob",
    )
    assert "nothing prunes" in compiled(first).lower()
    assert "nothing prunes" not in compiled(first, second).lower()


def test_a_person_says_what_the_project_is() -> None:
    """A sentence that begins with the folder's name stands first."""
    talk = Talk().human("Repo sorts parcels by postcode for small post offices. Make it faster.")
    assert "what this is: Repo sorts parcels by postcode for small post offices." in compiled(digest(talk))


def test_sessions_of_one_branch_are_one_stream() -> None:
    """A branch worked on in two sessions is one line."""
    one = digest(Talk().human("make `sync` faster, it takes a minute"), "s-11111111", "ada", "ada/sync")
    two = digest(Talk(START_MS + DAY_MS).human("go on with the sync work"), "s-22222222", "ada", "ada/sync")
    text = compiled(one, two)
    assert text.count("`ada/sync`") == 1
    assert "ada (2 sessions): `ada/sync`" in text


def test_a_tiny_project_has_a_short_brief() -> None:
    """One session of three messages: one line, nothing padded, nothing invented."""
    talk = Talk().human("what does `till.py` do?").agent("It prints receipts.").human("thanks")
    text = compiled(digest(talk))
    assert text.count("\n- ") == 1
    assert "“" not in text
    assert "what does `till.py` do?" in text


def test_sessions_that_say_nothing_give_an_empty_brief() -> None:
    """Only errors and greetings: the brief is its heading."""
    talk = Talk().human("hi").host("529 overloaded", "api_error").host("529 overloaded", "api_error")
    assert "## " not in compiled(digest(talk))


def test_where_to_look_names_folders_and_checks() -> None:
    """The busiest files by folder, and the commands that checked them; test files are not places to look."""
    talk = (
        Talk()
        .human("speed up the till")
        .edit("shop/till.py")
        .edit("tests/test_till.py")
        .run("make test", "ok")
    )
    text = compiled(digest(talk))
    assert "`shop/`: `till.py`" in text
    assert "checks that were run: `make test`" in text
    assert "test_till" not in text
