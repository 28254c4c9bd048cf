"""The configuration file: what a profile says, what counts more than it, and what is wrong with one."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from refooter.errors import UsageError
from refooter.settings import Settings
from refooter_tui.app.command import Where
from refooter_tui.cli import options, tui
from refooter_tui.cli.main import main, make_parser
from refooter_tui.cli.profile import Profile, checked_colour, config_file, load_profile
from refooter_tui.cli.shell import Shell

Captured = pytest.CaptureFixture[str]

WHOLE = """
[keys]
migrate = "f6"
export = "f7"

[prod]
dsn = "postgres://operator:hunter2@db.example/lake"
store = "s3://bucket/lake"
store_driver = "fsspec"
read_only = true
label = "PRODUCTION"
colour = "darkred"

[prod.keys]
export = "f8"
move.down = "j,down"
"log.search" = "f9"

[test]
store = "file:///lake"
"""


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the configuration file would be. Nothing else of the environment counts."""
    for name in ("MICROMEGAS_SQL_CONNECTION_STRING", "MICROMEGAS_OBJECT_STORE_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "refooter").mkdir()
    return config_file()


def parsed(*words: str) -> argparse.Namespace:
    return make_parser().parse_args(words, argparse.Namespace(**options.DEFAULTS))


def settings(*words: str) -> Settings:
    return options.settings_of(parsed(*words))


def test_the_file_is_where_xdg_says_or_below_dot_config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert config_file() == tmp_path / "refooter" / "config.toml"
    monkeypatch.setenv("HOME", str(tmp_path))
    for other in ("", "some/where"):
        monkeypatch.setenv("XDG_CONFIG_HOME", other)
        assert config_file() == tmp_path / ".config" / "refooter" / "config.toml"
    monkeypatch.delenv("XDG_CONFIG_HOME")
    assert config_file() == tmp_path / ".config" / "refooter" / "config.toml"


def test_a_profile_is_a_section_and_its_keys_add_to_those_for_all(file: Path) -> None:
    file.write_text(WHOLE)
    assert load_profile("prod") == Profile(
        name="prod",
        dsn="postgres://operator:hunter2@db.example/lake",
        store="s3://bucket/lake",
        store_driver="fsspec",
        read_only=True,
        label="PRODUCTION",
        colour="darkred",
        keys={"migrate": "f6", "export": "f8", "move.down": "j,down", "log.search": "f9"},
    )
    assert load_profile("test") == Profile(
        name="test", store="file:///lake", label="test", keys={"migrate": "f6", "export": "f7"}
    )


def test_without_a_profile_the_file_gives_no_more_than_keys_and_need_not_be_there(file: Path) -> None:
    assert load_profile(None) == Profile()
    file.write_text(WHOLE)
    assert load_profile(None) == Profile(keys={"migrate": "f6", "export": "f7"})
    assert settings("scan") == Settings()


def test_an_option_counts_more_than_the_profile_and_the_profile_more_than_the_environment(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text(WHOLE)
    monkeypatch.setenv("MICROMEGAS_SQL_CONNECTION_STRING", "postgres://environment/lake")
    monkeypatch.setenv("MICROMEGAS_OBJECT_STORE_URI", "s3://environment/lake")
    found = settings("scan", "--profile", "prod")
    assert (found.dsn, found.store) == ("postgres://operator:hunter2@db.example/lake", "s3://bucket/lake")
    assert (found.store_driver, found.read_only) == ("fsspec", True)
    given = ("--dsn", "postgres://option/lake", "--store", "file:///option", "--store-driver", "auto")
    found = settings("scan", "--profile", "prod", *given)
    assert (found.dsn, found.store, found.store_driver) == ("postgres://option/lake", "file:///option", "auto")
    found = settings("scan", "--profile", "test")
    assert (found.dsn, found.store) == ("postgres://environment/lake", "file:///lake")
    assert (found.store_driver, found.read_only) == ("auto", False)


def test_read_only_is_tightened_and_never_loosened(file: Path) -> None:
    file.write_text("[loose]\nread_only = false\n[tight]\nread_only = true\n")
    for profile, words, expected in (
        ("loose", (), False),
        ("loose", ("--read-only",), True),
        ("tight", (), True),
        ("tight", ("--read-only",), True),
    ):
        assert settings("migrate", "--profile", profile, *words).read_only is expected


def test_every_command_that_takes_a_dsn_takes_a_profile(capsys: Captured) -> None:
    for name in ("tui", "views", "scan", "inspect", "migrate", "verify", "runs", "rollback", "export"):
        assert main([name, "--help"]) == 0
        said = capsys.readouterr().out
        assert "--dsn" in said
        assert "--profile NAME" in said
    args = parsed("runs", "--profile", "prod", "show", "3")
    assert (args.profile, args.run_id) == ("prod", 3)


WRONG = {
    "no_such_profile": ("[production]\n[test]\n", r"no profile 'prod' in .*config\.toml; it has production, test"),
    "no_profile_at_all": ("[keys]\n", r"no profile 'prod' in .*config\.toml; it has none"),
    "a_section_of_keys_only": ("[keys]\nmigrate = 'm'", "it has none"),
    "a_line_outside": ("dsn = 'x'\n[prod]\n", "'dsn' stands outside of every profile"),
    "broken": ("[prod]\ndsn = hunter2\n", "is not TOML at line 2, column 7"),
    "unfinished": ("[prod]\ndsn = 'hunter2", "is not TOML at its end"),
    "deep": ("[prod]\ndsn = " + "[" * 5000, "is not TOML: it is nested too deeply"),
    "twice": ("[prod]\ndsn = 'hunter2'\n[prod]\n", "is not TOML at line 3, column 6"),
    "a_number": ("[prod]\ndsn = 7", "dsn has to be a text, and is a number"),
    "a_list": ("[prod]\nstore = ['hunter2']", "store has to be a text, and is a list"),
    "a_text_for_a_truth": ("[prod]\nread_only = 'yes'", "read_only has to be true or false, and is a text"),
    "a_one_for_a_truth": ("[prod]\nread_only = 1", "read_only has to be true or false, and is a number"),
    "keys_as_text": ("[prod]\nkeys = 'm'", "keys has to be a table, and is a text"),
    "empty": ("[prod]\ndsn = ''", "dsn is empty"),
    "a_driver": ("[prod]\nstore_driver = 'boto'", "store_driver has to be one of auto, obstore, fsspec"),
    "a_misspelling": ("[prod]\ncolor = 'red'", "knows no 'color'; did you mean 'colour'"),
    "a_stranger": ("[prod]\nzebra = 'x'", "knows no 'zebra'; there are dsn, store, store_driver"),
    "a_key_that_is_a_number": (
        "[keys]\nmove.down = 7\n[prod]\n",
        r"\[keys\] move\.down has to be keys such as .* is a n",
    ),
    "a_key_that_is_empty": ("[prod]\n[prod.keys]\nexport = ' '", r"\[prod\.keys\] export .* is empty"),
    "keys_as_a_list": ("keys = ['m']\n[prod]\n", "'keys' stands outside"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_one_sentence_and_exit_code_2(name: str, file: Path, capsys: Captured) -> None:
    content, expected = WRONG[name]
    file.write_text(content)
    with pytest.raises(UsageError, match=expected):
        load_profile("prod")
    assert main(["views", "--json", "--profile", "prod"]) == 2
    said = capsys.readouterr()
    assert json.loads(said.out)["error"]["code"] == "usage"
    assert said.err.count("\n") == 1
    assert "hunter2" not in said.err + said.out


def test_a_file_that_is_not_there_or_cannot_be_read_is_a_sentence_too(file: Path) -> None:
    with pytest.raises(UsageError, match=r"no profile 'prod': there is no configuration file .*config\.toml"):
        load_profile("prod")
    file.mkdir()
    for name in ("prod", None):
        with pytest.raises(UsageError, match=r"cannot read the configuration file .*: Is a directory"):
            load_profile(name)


def test_a_file_that_is_not_utf8_says_in_which_line(file: Path) -> None:
    file.write_bytes(b"[prod]\nlabel = '\xff'\n")
    with pytest.raises(UsageError, match="not UTF-8 in line 2"):
        load_profile("prod")


def test_a_broken_file_is_none_of_the_business_of_a_command_without_a_profile(file: Path) -> None:
    file.write_text("[")
    assert settings("scan") == Settings()


def test_another_profile_s_mistake_is_no_mistake_of_this_one(file: Path) -> None:
    file.write_text("[prod]\ndsn = 'x'\n[test]\nnonsense = 1\n")
    assert load_profile("prod").dsn == "x"


def test_no_address_is_in_what_a_profile_shows_of_itself(file: Path) -> None:
    file.write_text(WHOLE)
    assert "hunter2" not in repr(load_profile("prod"))
    assert "bucket" not in repr(load_profile("prod"))


@pytest.mark.parametrize("colour", ["darkred", "#8b0000", "rgb(139,0,0)", ""])
def test_a_colour_is_one_of_css(colour: str) -> None:
    assert checked_colour(Profile(colour=colour)) == colour


@pytest.mark.parametrize("colour", ["blood", "$primary", "auto", "transparent", "#8b000080"])
def test_what_is_no_colour_is_wrong_usage(colour: str) -> None:
    with pytest.raises(UsageError, match=r"profile 'prod': colour .* is no colour"):
        checked_colour(Profile(name="prod", colour=colour))


def opened_with(words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """What the app would be opened with."""
    found: dict[str, object] = {}

    def open_app(settings: Settings, **others: object) -> int:
        found.update(others, dsn=settings.dsn, read_only=settings.read_only)
        return 0

    monkeypatch.setattr(tui, "open_app", open_app)
    assert tui.run(parsed("tui", *words), Shell()) == 0
    return found


def test_the_app_is_opened_with_label_colour_and_keys(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(WHOLE)
    found = opened_with(("--profile", "prod"), monkeypatch)
    assert (found["label"], found["colour"], found["read_only"]) == ("PRODUCTION", "darkred", True)
    assert found["keys"] == load_profile("prod").keys
    assert opened_with((), monkeypatch)["keys"] == {"migrate": "f6", "export": "f7"}


def test_the_commands_that_the_app_shows_name_the_profile_and_what_differs_from_it(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text(WHOLE)
    assert opened_with((), monkeypatch)["where"] == Where()
    assert opened_with(("--profile", "prod"), monkeypatch)["where"] == Where(("--profile", "prod"))
    found = opened_with(("--profile", "prod", "--store", "file:///other"), monkeypatch)
    assert found["where"] == Where(("--profile", "prod", "--store", "file:///other"))


def test_a_label_does_not_stand_over_another_database_than_its_own(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(WHOLE)
    found = opened_with(("--profile", "prod", "--dsn", "postgres://other/lake"), monkeypatch)
    assert (found["dsn"], found["label"], found["colour"]) == ("postgres://other/lake", "", "")
    # a profile without a database of its own is a name for whatever database it is used with
    assert opened_with(("--profile", "test", "--dsn", "postgres://other/lake"), monkeypatch)["label"] == "test"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("[prod]\ncolour = 'blood'", "profile 'prod': colour 'blood' is no colour"),
        ("[prod]\n[prod.keys]\nmigrat = 'f6'", "[keys] knows no 'migrat'; did you mean 'migrate'?"),
        ("[keys]\nmigrate = 'ctrl+shift+foo'\n[prod]", "'ctrl+shift+foo' is no key"),
        ("[keys]\nmigrate = 'e'\n[prod]", "'e' would be both 'migrate' and 'export'"),
    ],
)
def test_the_app_does_not_open_on_a_colour_or_keys_that_cannot_be(
    content: str, expected: str, file: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text(content)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert main(["tui", "--profile", "prod"]) == 2
    said = capsys.readouterr().err
    assert expected in said
    assert said.count("\n") == 1
