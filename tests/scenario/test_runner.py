from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenario import runner
from tests.scenario.runner import Command

STORY = "# A story.\n\nsay hello loud=yes\n----\nhello yes\n\nnothing\n----\nok\n"
VERBS: dict[str, runner.Verb] = {
    "say": lambda command: f"{command.arguments[0]} {command.options['loud']}\n",
    "nothing": lambda command: "",
}


def test_a_story_that_goes_as_written_passes(tmp_path: Path) -> None:
    """Comments are skipped, options are split off, no output is `ok`."""
    path = tmp_path / "story.txt"
    path.write_text(STORY)
    runner.check(path, VERBS)


def test_a_story_that_goes_otherwise_fails_with_its_place(tmp_path: Path) -> None:
    """The failure names file, line and command, and shows both outputs."""
    path = tmp_path / "story.txt"
    path.write_text(STORY.replace("hello yes", "hello no"))
    with pytest.raises(AssertionError, match=r"story.txt:3: say hello(.|\n)*hello no(.|\n)*yes"):
        runner.check(path, VERBS)


def test_rewriting_writes_what_came_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rewritten file passes, and keeps its comments."""
    path = tmp_path / "story.txt"
    path.write_text(STORY.replace("hello yes", "anything"))
    monkeypatch.setenv(runner.REWRITE_VARIABLE, "1")
    runner.check(path, VERBS)
    assert path.read_text() == STORY
    monkeypatch.delenv(runner.REWRITE_VARIABLE)
    runner.check(path, VERBS)


def test_mistakes_in_files_are_named() -> None:
    """A block without its mark, with two commands, or with an unknown verb."""
    with pytest.raises(ValueError, match="line 1"):
        runner.parse("say hello\n")
    with pytest.raises(ValueError, match="line 3"):
        runner.parse("# x\n\na\nb\n----\nok\n")
    with pytest.raises(ValueError, match="no verb shout among nothing, say"):
        runner.play(runner.parse("shout\n----\nok\n"), VERBS)


def test_commands_are_words_and_options() -> None:
    """`name=value` anywhere behind the verb is an option."""
    command = Command.parse("cut 1 only=2 3")
    assert (command.verb, command.arguments) == ("cut", ("1", "3"))
    assert dict(command.options) == {"only": "2"}
