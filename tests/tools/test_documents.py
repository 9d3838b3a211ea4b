"""The documents say what is: generated parts are up to date, names and links exist."""

from __future__ import annotations

import dataclasses
import itertools
import json
import re
import subprocess
import sys
import tomllib
from statistics import median

import pytest

from asgi_liveness import queued
from asgi_liveness.conformance.cases import CASES
from asgi_liveness.conformance.outcome import Outcome
from asgi_liveness.conformance.promises import PROMISES, REMEDIES
from asgi_liveness.conformance.report import ConformanceReport
from asgi_liveness.serving.servers import SERVERS, ServerKind
from tools import blocks, docs, pictures
from tools.bench.engine_table import ENGINES, GOES_ON, JOBS, LOST
from tools.bench.loops import NUMBERS
from tools.bench.picture import NOTHING
from tools.bench.ways import MOST, WAYS
from tools.cluster import measure as cluster
from tools.cluster.table import TIMES
from tools.comparison import COMPARISON, FRAMEWORKS, ROOT
from tools.docs import BLOCK, BLOCKS

TEXTS = {
    str(path.relative_to(ROOT)): path.read_text()
    for path in (
        *(ROOT / name for name in ("README.md", "shared/README.md", "CONTRIBUTING.md")),
        *sorted((ROOT / "docs").rglob("*.md")),
    )
}
"""The documents that are written by hand, with the generated blocks in them."""
README = TEXTS["README.md"]
COLUMNS = blocks.columns()
REMEDIES_PAGE = TEXTS["docs/how-to/remedies.md"]
GLOSSARY = "docs/develop/glossary.md"
LINES = {"README.md": 200, "shared/README.md": 80}
DIALECT = re.compile(
    r"\b(turns?|looks?|told|beside|held against|by that|at rest|gives? way)\b", re.IGNORECASE
)
"""Words that the glossary replaces."""
CODE = re.compile(r"```\w*\n(.*?)```|`([^`\n]+)`", re.DOTALL)
COMMAND = re.compile(r"(?:^ *|: )asgi-liveness ([a-z]+)\b([^\n]*)", re.MULTILINE)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
NOXFILE = (ROOT / "noxfile.py").read_text()


def test_generated_parts_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tools.docs", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_documents_wait_for_the_record_of_a_new_column(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(FRAMEWORKS, "blank", "blank_impl.app:app")
    names = ", ".join(sorted(FRAMEWORKS.keys() - COLUMNS.keys()))
    monkeypatch.setattr(sys, "argv", ["docs", "--check"])
    assert docs.main() == 0
    assert capsys.readouterr().err == f"not recorded yet: {names} (nox -s record)\n"


def test_every_block_stands_in_a_document() -> None:
    begun = [match[2] for text in TEXTS.values() for match in BLOCK.finditer(text)]
    assert set(begun) == set(BLOCKS)


@pytest.mark.parametrize("name", LINES)
def test_a_short_document_stays_short(name: str) -> None:
    assert len(TEXTS[name].splitlines()) <= LINES[name]


def test_the_readme_has_no_long_table_and_no_case_ids() -> None:
    tables = re.findall(r"(?:^\|.*\n)+", README, re.MULTILINE)
    assert tables
    assert max(table.count("\n") for table in tables) <= 10
    assert re.findall(r"\b[A-Z]{3,}-\d{3}\b", README) == []


@pytest.mark.parametrize("name", [*TEXTS, "CONTRACT.md"])
def test_links_lead_to_files(name: str) -> None:
    path = ROOT / name
    links = re.findall(r"\]\((?!https?://)([^)#\s]+)", path.read_text())
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_links_within_the_readme_lead_to_headings() -> None:
    headings = re.findall(r"^#+ (.+)$", README, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", README)) <= anchors


def test_files_that_are_named_exist() -> None:
    folders = r"(?:docs|examples|results|shared|tests|tools|[a-z]+_impl)"
    named = {
        found for text in TEXTS.values() for found in re.findall(rf"`({folders}/[\w./-]+)`", text)
    }
    assert named
    assert [path for path in named if "NAME" not in path and not (ROOT / path).exists()] == []


def test_sessions_that_are_named_exist() -> None:
    named = {found for text in TEXTS.values() for found in re.findall(r"nox -s \"?(\w+)", text)}
    defined = set(re.findall(r"^def (\w+)\(session", NOXFILE, re.MULTILINE)) | {*FRAMEWORKS}
    assert {"compare", "site", *COLUMNS} <= named
    assert named - {"NAME", "SESSION"} <= defined


def test_cases_that_are_named_exist() -> None:
    named = {found for text in TEXTS.values() for found in re.findall(r"\b[A-Z]{3,}-\d{3}\b", text)}
    assert named
    assert named <= {case.id for case in CASES}


def test_commands_and_options_that_are_named_exist() -> None:
    named: dict[str, set[str]] = {}
    code = (block or inline for text in TEXTS.values() for block, inline in CODE.findall(text))
    for command, words in (found for part in code for found in COMMAND.findall(part)):
        ours = re.split(r" -- |  +#", words)[0]
        named.setdefault(command, set()).update(re.findall(r"--[a-z][a-z-]*", ours))
    assert {"check", "run", "explain"} <= named.keys()
    for command, options in named.items():
        words = _help(command)
        assert [option for option in options if option not in words] == [], command


def _help(command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "asgi_liveness", command, "--help"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"asgi-liveness {command}: {done.stderr}"
    return done.stdout


@pytest.mark.parametrize("name", [name for name in TEXTS if name != GLOSSARY])
def test_the_old_dialect_is_gone(name: str) -> None:
    written = BLOCK.sub("", TEXTS[name])
    assert DIALECT.findall(written) == []


def test_the_documents_name_all_remedies() -> None:
    fixes = {"background", "cooperative", "normal"}
    for text in (README, REMEDIES_PAGE):
        assert {row.path for row in REMEDIES if row.name not in fixes} <= {
            *re.findall(r"`(/\w+)`", text)
        }
    listed = TEXTS["docs/how-to/implement-the-contract.md"].partition("--liveness-all")[0]
    assert {row.name for row in REMEDIES} <= set(re.findall(r"`(\w+)`", listed))


def test_the_record_is_of_the_whole_comparison() -> None:
    report = ConformanceReport.load(ROOT / "results" / "comparison.json")
    assert report.servers == tuple(COMPARISON["servers"]) == tuple(kind.name for kind in SERVERS)
    assert [row.target for row in report.targets] == list(COLUMNS.values())
    assert len(report.cells) == len(CASES) * len(SERVERS) * len(COLUMNS)
    assert report.exit_code == 0
    minutes = round(sum(report.seconds.values()) / 60)
    assert f"in about {minutes} minutes." in _paragraph("`nox -s compare` tries all remedies")


def _paragraph(start: str) -> str:
    """Return a paragraph of the README, or an item of a list, as one line."""
    found = README.partition(start)[2]
    return " ".join(re.split(r"\n\n|\n- ", found)[0].split())


def test_the_first_command_takes_half_a_minute() -> None:
    assert "compares the three, in half a minute" in README
    costs = json.loads((ROOT / "results" / "frontier.json").read_text())["costs"]
    (seconds,) = (
        row["wall"]
        for row in costs
        if (row["frameworks"], row["servers"], row["cases"]) == (3, 3, "LIVE")
    )
    assert 20 < seconds < 40


def test_the_recorded_end_of_bare_nox_has_every_session_as_a_success() -> None:
    recorded = (ROOT / "results" / "health.txt").read_text()
    ran = set(re.findall(r"^nox > \* ([^:(]+).*: success", recorded, re.MULTILINE))
    others = ("lint", "types", "kit", "columns", "browser", "check", "fuzz", "shutdown")
    assert ran == {*others, "package", "newcomer", *COLUMNS}
    assert ": failed" not in recorded


def test_the_recorded_frontier_is_whole() -> None:
    recorded = json.loads((ROOT / "results" / "frontier.json").read_text())
    measured = [(row["framework"], row["server"], row["loops"]) for row in recorded["blocks"]]
    servers = [kind.name for kind in SERVERS]
    assert measured == list(itertools.product(COLUMNS, servers, NUMBERS))
    for row in recorded["blocks"]:
        assert row["waits"].keys() == {
            way for way in WAYS if row["loops"] <= MOST.get(way, row["loops"])
        }
    assert recorded["noisy"] == sum(row["noisy"] for row in recorded["blocks"]) < len(measured) / 2


def test_claims_about_the_engines_were_measured() -> None:
    recorded = json.loads((ROOT / "results" / "engines.json").read_text())
    rows = recorded["engines"]
    assert list(rows) == list(ENGINES)
    for row in rows.values():
        assert len(row["starts"]) == len(row["stops"]) == JOBS * len(row["ends"])
        assert len(row["ends"]) == len(row["fates"]) > 1
    huey, *of_celery = rows.values()
    assert set(huey["fates"]) == {GOES_ON}  # it goes back into the queue
    assert max(huey["ends"]) < recorded["limit"]
    for row in of_celery:
        assert set(row["ends"]) == {None}  # it waits for its jobs
        assert set(row["fates"]) == {LOST}


def test_claims_about_the_frontier_were_measured() -> None:
    recorded = json.loads((ROOT / "results" / "frontier.json").read_text())
    rows = {(row["way"], row["loops"]): row for row in recorded["pooled"]}
    for number in NUMBERS:
        asleep, paced, rest = (rows[way, number] for way in ("sleep(0)", "Pace 1 ms", NOTHING))
        assert 0.33 < asleep["speed"] < 0.67  # about half
        assert paced["speed"] > 0.85  # nearly as fast as the bare loop
        assert paced["p50"] - rest["p50"] < 1  # ms, which is a slice
    assert rows["sleep(0)", 1000]["p50"] > 5 * rows["Pace 1 ms", 1000]["p50"]


def test_claims_about_the_task_queue_were_measured() -> None:
    recorded = json.loads((ROOT / "results" / "cluster.json").read_text())
    assert (queued.LOST, queued.KEPT) == (5.0, 1000)  # five seconds; the last 1,000
    ran = {(row["queue"], row["workers"]): median(row["ran"]) for row in recorded["rates"]}
    assert ran.keys() == set(itertools.product(cluster.QUEUES, cluster.WORKERS))
    assert ran["SQLite", 2] < 1.2 * ran["SQLite", 1] < 1.2 * ran["Redis", 1] < ran["Redis", 2]
    waits = {(row["queue"], row["waiting"], row["workers"]): row for row in recorded["waits"]}
    assert waits.keys() == set(itertools.product(cluster.QUEUES, cluster.WAITING, cluster.WORKERS))
    for (queue, waiting, workers), row in waits.items():
        assert {len(row[name]) for name in TIMES} == {cluster.STOPS}
        none = waits[queue, 0, workers]
        for name in ("start", "stop"):  # neither takes longer when thousands wait
            assert median(row[name]) < 3 * median(none[name])
        assert not waiting or median(row["list"]) > median(none["list"])


def test_the_recorded_goals_are_all_of_them() -> None:
    recorded = (ROOT / "results" / "pacing.txt").read_text()
    assert f"{len(COLUMNS) * len(SERVERS)} places" in recorded
    judged = re.findall(r"^.+ [≤≥] .* (holds|missed in \d of \d.*)$", recorded, re.MULTILINE)
    assert len(judged) == 17
    assert [line for line in judged if line != "holds" and ": " not in line] == []
    assert len(re.findall(r"^\(speed of .+\) +\d", recorded, re.MULTILINE)) == 5


def test_the_program_in_the_page_on_pace_runs() -> None:
    blocks_of_python = re.findall(r"```python\n(.*?)```", TEXTS["docs/how-to/pace.md"], re.DOTALL)
    (program,) = (block for block in blocks_of_python if "asyncio.run(" in block)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "500,000 throws\n"


def test_every_framework_has_a_folder_and_a_group() -> None:
    for name, target in FRAMEWORKS.items():
        assert target == f"{name}_impl.app:app"
        assert (ROOT / f"{name}_impl" / "app.py").exists()
        assert COMPARISON["frameworks"][name]


def test_the_table_has_all_remedies() -> None:
    names = COMPARISON["remedies"].split(",")
    assert names == [remedy.name for remedy in REMEDIES]


def test_every_cell_of_the_matrix_was_measured() -> None:
    report = ConformanceReport.load(ROOT / "results" / "comparison.json")
    cells = {(c.target, c.server, c.remedy, c.promise): c for c in report.cells if c.promise}
    wanted = itertools.product(
        COLUMNS.values(),
        report.servers,
        (remedy.name for remedy in REMEDIES),
        PROMISES,
    )
    assert cells.keys() == {
        (target, server, remedy, promise.name)
        for target, server, remedy, promise in wanted
        if promise.only in {"", remedy}
    }
    for cell in cells.values():
        promise = next(row for row in PROMISES if row.name == cell.promise)
        recorded = cell.verdict == Outcome.RECORDED
        assert recorded is not promise.judged
        assert not recorded or cell.measured


def test_a_remedy_holds_every_promise_everywhere() -> None:
    report = ConformanceReport.load(ROOT / "results" / "comparison.json")
    held = {
        remedy.name: {c.verdict for c in report.cells if c.remedy == remedy.name}
        for remedy in REMEDIES
    }
    holding = [name for name, verdicts in held.items() if verdicts <= {"passed", "recorded"}]
    assert {"supervised", "process"} <= set(holding)


@pytest.mark.parametrize("kind", [kind for kind in SERVERS if kind.recommended])
def test_the_documents_start_servers_as_they_are_judged(kind: ServerKind) -> None:
    program = kind.name.partition("/")[0]
    for text in (README, REMEDIES_PAGE):
        assert re.search(rf"^{program} \S+ {' '.join(kind.recommended)}$", text, re.MULTILINE)


def test_the_picture_is_drawn_from_probes_and_not_from_counts() -> None:
    report = ConformanceReport.load(ROOT / "results" / "comparison.json")
    assert "not answered" in pictures.probes(report)
    older = tuple(dataclasses.replace(row, timeline=None) for row in report.windows)
    with pytest.raises(ValueError, match="has no timelines"):
        pictures.probes(dataclasses.replace(report, windows=older))


def test_the_setting_is_needed() -> None:
    report = ConformanceReport.load(ROOT / "results" / "comparison.json")
    by_default = [c for c in report.cells if (c.promise, c.remedy) == ("defaults", "streamed")]
    hanging = {c.server for c in by_default if None in c.measured.values()}
    assert hanging == {kind.name for kind in SERVERS if kind.recommended}


def test_every_trap_has_a_test_of_its_name() -> None:
    traps = {path.stem for path in (ROOT / "examples" / "traps").glob("*.py")}
    tests = "".join(
        path.read_text() for path in (ROOT / "tests" / "columns").glob("test_traps_*.py")
    )
    assert traps == set(re.findall(r"^def test_(\w+)\(", tests, re.MULTILINE))


def test_the_cost_of_a_watch_in_the_readme_is_the_recorded_one() -> None:
    recorded = (ROOT / "results" / "watching.txt").read_text()
    found = re.search(
        r"ratio of \d+ pairs is ([\d.]+), its 95 % interval ([\d.]+) to ([\d.]+)", recorded
    )
    assert found
    median, low, high = (f"{float(number):.2f}" for number in found.groups())
    readme = " ".join((ROOT / "README.md").read_text().split())
    assert f"kept {median} of its rate with it" in readme
    assert f"from {low} to {high})" in readme
