"""What the extractive backend reads out of one session."""

import time

import pytest

from tests.compiler.talk import Talk, digest, summarise, told


def test_a_commit_is_done_and_its_reason_a_decision() -> None:
    """The subject says what was done, the message why; trailers and generic subjects say nothing."""
    talk = Talk().human("the totals drift by a cent, please mend that")
    talk.commit(
        "feat: store money as integers of cents\n\nUse `int` cents instead of `float` to avoid rounding drift in"
        " `cart.py`.\n\nCo-Authored-By: Somebody <a@b.example>"
    )
    summary = summarise(talk)
    assert [one.text for one in told(summary, "done")] == ["feat: store money as integers of cents"]
    [decision] = told(summary, "decision")
    assert "instead of `float` to avoid rounding drift" in decision.text
    assert [commit.ref for commit in summary.commits] == ["1a2b3c4"]
    assert "Co-Authored" not in str(summary)


def test_a_commit_that_failed_or_was_made_in_a_scratch_repository_is_none() -> None:
    """Only what git confirms in this project counts as committed."""
    talk = Talk().human("commit it").run('git commit -m "feat: x"', "nothing to commit", failed=True)
    talk.run('cd /tmp && git init && git commit -m "feat: probe of git"', "[main 9f9f9f9] feat: probe of git")
    summary = summarise(talk)
    assert summary.commits == ()
    assert told(summary, "done") == []


def test_a_pull_request_is_done_with_its_address() -> None:
    """The title counts once the host has answered with a URL."""
    talk = Talk().human("open a PR")
    talk.run(
        'gh pr create --title "Move the ledger to Postgres" --body "x"',
        "https://git.example.com/shop/till/pull/7",
    )
    [commit] = summarise(talk).commits
    assert commit.pull_request
    assert commit.ref == "https://git.example.com/shop/till/pull/7"
    assert commit.subject == "Move the ledger to Postgres"


def test_an_answer_to_a_question_is_a_decision_with_what_was_offered() -> None:
    """The chosen option brings the reason that the agent gave for it."""
    question = "Where should sessions be kept?"
    talk = Talk().human("add sessions")
    talk.call(
        "AskUserQuestion",
        '{"questions":[{"question":"Where should sessions be kept?","options":['
        '{"label":"Redis (Recommended)","description":"Survives a restart."},'
        '{"label":"Memory","description":"Fast."}]}]}',
    )
    talk.human(f"{question}: Redis (Recommended)", "answer")
    [decision] = told(summarise(talk), "decision")
    assert decision.text == "chose “Redis” (Survives a restart.) for: Where should sessions be kept?"
    assert decision.by == "human"


def test_a_number_means_the_option_the_agent_listed() -> None:
    """ "2" alone says nothing; what was listed under 2 does."""
    talk = Talk().human("how do we cache prices?")
    talk.agent(
        "Three ways:\n1. No cache at all, simple but slow\n2. Cache in `prices.py` with a TTL of one minute\n3. A CDN"
    )
    talk.human("2")
    [decision] = told(summarise(talk), "decision")
    assert "Cache in `prices.py` with a TTL of one minute" in decision.text


@pytest.mark.parametrize(
    ("said", "kind", "told_as"),
    [
        (
            "Decision: prices are integers, because floats drift.",
            "decision",
            "Prices are integers, because floats drift.",
        ),
        ("Left open: refunds in a second currency.", "open_item", "Refunds in a second currency."),
        (
            "Dead end: the vendor's driver needs a C toolchain.",
            "dead_end",
            "The vendor's driver needs a C toolchain.",
        ),
        ("Open items:\n- refunds in a second currency\n", "open_item", "refunds in a second currency"),
        (
            "Open for 2.0: (1) refunds in a second currency; (2) receipts in Braille.",
            "open_item",
            "receipts in Braille.",
        ),
    ],
)
def test_a_label_says_what_a_sentence_is(said: str, kind: str, told_as: str) -> None:
    """What agents mark as decided, open or given up is believed, also in the middle of a turn."""
    summary = summarise(Talk().human("go on with the till").agent(said).run("ls").agent("Done with that."))
    assert told_as.lower() in [one.text.lower() for one in told(summary, kind)]


def test_a_choice_brings_the_reason_that_follows() -> None:
    """ "X, not Y" is a decision; its reason stands in the next sentence."""
    talk = Talk().human(
        "Postgres, not MySQL. Nobody in the three shops knows how to repair a broken MySQL table."
    )
    [decision] = told(summarise(talk.agent("Fine.")), "decision")
    assert decision.text.startswith("Postgres, not MySQL. Nobody in the three shops")


@pytest.mark.parametrize(
    "said",
    [
        "If we listen instead of polling, prices come a minute earlier. Try it.",
        "I wonder if we go with `Postgres` instead of `sqlite` because of locking.",
        "Could `till.py` use `Decimal` instead of `float` because of rounding?",
    ],
)
def test_what_is_weighed_is_not_decided(said: str) -> None:
    """Conditions, musings and questions are no decisions."""
    assert told(summarise(Talk().human(said).agent("Fine.")), "decision") == []


def test_an_issue_that_was_opened_is_open_under_its_name() -> None:
    """ "Make that a follow-up" says nothing; the tracker's title does."""
    talk = Talk().human("let's make that a follow-up, open an issue")
    talk.run(
        'gh issue create --title "Refunds lose their tip" --body x',
        "https://git.example.com/shop/till/issues/7",
    )
    talk.human("and one in the tracker").call(
        "mcp__tracker__create_issue", '{"title":"Tips in Braille"}', '{"identifier":"TIL-9"}'
    )
    assert {one.text for one in told(summarise(talk), "open_item")} == {
        "issue opened: #7 Refunds lose their tip",
        "issue opened: TIL-9 Tips in Braille",
    }


def test_the_readme_says_what_the_project_is() -> None:
    """The first sentence of prose, where it was read from its beginning."""
    talk = Talk().human("look around")
    talk.call(
        "Read",
        "{}",
        "     1→# Till\n     2→\n     3→A till for shops without a network.\n",
        file="/repo/README.md",
    )
    talk.call("Read", "{}", "    90→Tills are counted at closing time.\n", file="/repo/README.md")
    assert [one.text for one in told(summarise(talk), "pattern")] == [
        "what this is: A till for shops without a network."
    ]


def test_a_correction_carries_what_came_of_it() -> None:
    """Words that cannot be understood alone are joined with the agent's answer."""
    talk = Talk().human("print the till number on the receipt")
    talk.agent("Added `till_number` to `receipt.py`.")
    talk.human("no, take that off, customers would read it as the price")
    talk.agent("You're right. Removed `till_number` from the receipt, because it stands next to the total.")
    [correction] = told(summarise(talk), "correction")
    assert correction.text.startswith("no, take that off")
    assert "→ Removed `till_number` from the receipt" in correction.text
    assert [cited.seq for cited in correction.citations] == ["3", "4"]


def test_a_refused_call_is_a_correction() -> None:
    """A person's words in a refused tool call are kept."""
    talk = Talk().human("clean up").edit("shop/till.py")
    talk.human("don't touch `till.py`, the bank reads it", "rejection")
    assert "`till.py`" in told(summarise(talk), "correction")[0].text


def test_conclusions_that_were_corrected_next_are_not_told() -> None:
    """An early confident statement that the person rejects is not knowledge."""
    talk = Talk().human("why is `sync.py` slow?")
    talk.agent("The root cause is the `Parser` class, because it reads `orders.csv` twice.")
    talk.human("no, that's wrong, `orders.csv` is not even used")
    assert told(summarise(talk), "fix") == []


def test_an_error_and_what_mended_it() -> None:
    """A check that failed and passed again brings the cause that was found between."""
    talk = Talk().human("run the tests").run("pytest tests/unit -x", "1 failed", failed=True)
    talk.agent("The failure was caused by `freeze_time` leaking out of `conftest.py`.")
    talk.edit("tests/conftest.py").run("pytest tests/unit -x", "12 passed")
    fixes = [one.text for one in told(summarise(talk), "fix")]
    assert any(
        text.startswith("`pytest tests/unit -x` failed:") and "`freeze_time`" in text for text in fixes
    )


def test_rules_that_people_state_and_write_down() -> None:
    """A standing request and a rule added to the instruction file are patterns."""
    talk = Talk().human("please never squash my branches - the auditors read every step")
    talk.call(
        "Edit",
        "/repo/CLAUDE.md\n--- old\nNothing yet.\n+++ new\nNothing yet.\n\nNever call `Decimal(float)` in `money/`.",
        file="/repo/CLAUDE.md",
    )
    patterns = {one.text for one in told(summarise(talk), "pattern")}
    assert patterns == {
        "please never squash my branches - the auditors read every step",
        "Never call `Decimal(float)` in `money/`.",
    }


def test_what_was_put_off_is_open_and_says_what_it_is_about() -> None:
    """ "later" alone is no use: the question before it is."""
    talk = Talk().human("what happens if the export grows larger than the disk of the worker?")
    talk.agent("It fails.")
    talk.human("that can be a follow-up, nobody has one yet")
    [item] = told(summarise(talk), "open_item")
    assert "follow-up" in item.text
    assert "larger than the disk" in item.text


def test_an_unfinished_todo_list_is_open_only_at_the_end() -> None:
    """What the last list of the session leaves undone."""
    todo = (
        '{"todos":[{"content":"Write `ledger.py`","status":"completed"},'
        '{"content":"Wire `ledger.py` into the till","status":"pending"}]}'
    )
    talk = Talk().human("build the ledger").call("TodoWrite", todo)
    [item] = told(digest(talk), "open_item")
    assert item.text == "left on the todo list: Wire `ledger.py` into the till"
    for _ in range(30):
        talk.human("and now something else entirely").agent("Fine.")
    assert told(digest(talk), "open_item") == []


def test_files_that_were_changed_are_counted_below_the_working_folder() -> None:
    """Reads and files elsewhere are not changes."""
    talk = Talk().human("rename it").edit("shop/a.py").edit("shop/a.py").edit("shop/b.py")
    talk.call("Read", "{}", file="/repo/shop/c.py")
    talk.call("Write", "/elsewhere/plan.md\nx", file="/elsewhere/plan.md")
    assert [(stat.path, stat.edits) for stat in summarise(talk).files] == [("shop/a.py", 2), ("shop/b.py", 1)]


@pytest.mark.parametrize(
    "noise",
    [
        "Perfect! Let me check the tests now.",
        "Great, all tests pass.",
        "| a | b |\n|---|---|\n| `cut` | because `cut` |",
        "```go\nfunc main() { panic(because) } // instead of\n```",
        "2026-01-05 10:00:00 ERROR till.go:12 the issue was `nil` because of `x`",
        "I think the issue is maybe `till.go` because of `x`.",
        "",
    ],
)
def test_noise_says_nothing(noise: str) -> None:
    """Chatter, tables, code, logs and guesses have no place."""
    summary = summarise(Talk().human("hello there").agent(noise))
    assert [one for one in summary.statements if one.kind != "asked"] == []


def test_pasted_reviews_are_not_the_persons_words() -> None:
    """A bot's review, pasted, decides nothing and is nobody's rule."""
    talk = Talk().human(
        "Medium Severity\n\nThe `Cart.total` function must never use `float` instead of `Decimal`."
        " Consider using `Decimal`."
    )
    kinds = {one.kind for one in summarise(talk).statements}
    assert kinds <= {"asked"}


def test_other_languages_keep_what_structure_says() -> None:
    """The request, the commit and the files stand, whatever the language."""
    talk = (
        Talk().human("合計が一円ずれるので直してください。").edit("shop/合計.py").commit("合計を整数で持つ")
    )
    node = digest(talk)
    assert node.commits[0].subject == "合計を整数で持つ"
    assert told(node, "asked")[0].text == "合計が一円ずれるので直してください。"
    assert node.files[0].path == "shop/合計.py"


def test_subagents_words_are_not_a_persons() -> None:
    """What an agent tells its subagent is no decision of the team."""
    talk = Talk()
    talk._add("human", "prompt", "always use `Decimal` instead of `float`", subagent="a1")
    assert summarise(talk).statements == ()


@pytest.mark.parametrize("unit", ["because x ", "a`", "(", "**b", "[s](", "\n- ", "<", "no. ", "→", "éü漢"])
def test_a_huge_message_is_read_in_linear_time(unit: str) -> None:
    """1 MB of anything costs well under a second a message."""
    huge = unit * (1_000_000 // len(unit))
    talk = (
        Talk()
        .human(huge)
        .agent(huge)
        .run(f'git commit -m "{huge}"', huge)
        .call("Edit", huge, file="/repo/CLAUDE.md")
    )
    started = time.process_time()  # and not the clock's: others may use this machine
    summarise(talk)
    assert time.process_time() - started < 4.0


def test_equal_chunks_give_equal_summaries() -> None:
    """A summary is memoised by its input, so it must not depend on anything else."""
    talk = Talk().human("let's use `sqlite` instead of `json` because of locking").commit("feat: use sqlite")
    assert summarise(talk) == summarise(talk)
