"""`python -m tests.fuzz.campaign NAME ...`: readers fuzzed by atheris, guided by the lines they reach.

Begins with the corpus of each. What a reader raises without having documented it, or what it is slow at, is kept below
`--found` and printed; `--keep` adds to the corpus what reached new lines. Needs `pip install atheris` (Linux).
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import click

CORPUS = Path(__file__).parent / "corpus"
LONGEST = 4096
"""Bytes of one input; a longer one is for the families that grow."""
SLOW = 10
"""Seconds for one input, after which it counts as one that never ends."""
BEHIND = 300
"""Seconds beyond the time of a reader, within which its fuzzer has ended; to count lines it rewrites our code first."""
GUIDING = ["h11", "yaml", "mockserver.scenarios"]
GUIDING += [f"conformance.{part}" for part in ("wire", "protocols", "targets", "mistakes", "probes.observers")]
JUDGING = "conformance.rules"
"""The rules are many: they guide where it is them that is tried."""


def corpus(name: str) -> list[Path]:
    """The files that a reader begins with, in order of name."""
    return sorted(path for path in (CORPUS / name).iterdir() if path.is_file())


@click.command()
@click.argument("names", nargs=-1)
@click.option("--seconds", default=60, show_default=True, help="Time for each reader.")
@click.option("--seed", default=1, show_default=True, help="Of the fuzzer's own choices.")
@click.option("--found", type=click.Path(path_type=Path), default=Path("found"), show_default=True)
@click.option("--keep", is_flag=True, help="Add what reached new lines to the corpus.")
def main(names: tuple[str, ...], seconds: int, seed: int, found: Path, keep: bool) -> None:
    """Fuzz the readers of these names, or all of them."""
    from tests.fuzz.readers import BY_NAME

    unknown = sorted(set(names) - set(BY_NAME))
    if unknown:
        raise click.UsageError(f"no reader is called {', '.join(unknown)}; there are: {', '.join(BY_NAME)}")
    failed = [name for name in names or BY_NAME if not _fuzzed(name, seconds, seed, found / name, keep=keep)]
    click.echo(f"found something: {', '.join(failed)}; see {found}" if failed else "nothing found")
    sys.exit(1 if failed else 0)


def _fuzzed(name: str, seconds: int, seed: int, found: Path, *, keep: bool) -> bool:
    """Whether a reader came through. In a process of its own: libFuzzer ends the one that it runs in."""
    found.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as reached:
        options = [f"-max_total_time={seconds}", f"-seed={seed}", f"-max_len={LONGEST}", f"-timeout={SLOW}"]
        options += [f"-artifact_prefix={found}/", "-print_final_stats=1", "-verbosity=0", reached, str(CORPUS / name)]
        command = [sys.executable, "-c", "from tests.fuzz import campaign; campaign.guide()", name, *options]
        click.echo(f"{name}: {seconds} s", nl=False)
        done = subprocess.run(
            command, capture_output=True, encoding="utf-8", errors="replace", timeout=seconds + BEHIND + SLOW
        )
        runs = next((line.split()[-1] for line in done.stderr.splitlines() if "number_of_executed" in line), "?")
        new = len(list(Path(reached).iterdir()))
        click.echo(f", {runs} inputs, {new} reached new lines, {'fine' if done.returncode == 0 else 'FAILED'}")
        if done.returncode:
            click.echo(done.stdout[-4000:] + done.stderr[-2000:])
        elif keep:
            merge = [*command[:3], name, "-merge=1", "-verbosity=0", str(CORPUS / name), reached]
            subprocess.run(merge, capture_output=True, check=True)
    return done.returncode == 0


def guide() -> None:
    """What runs in the process of its own: atheris, with our code and that of what it parses by instrumented."""
    import atheris

    name = sys.argv.pop(1)
    with atheris.instrument_imports(include=GUIDING + [JUDGING] * (name == "exchange")):
        from tests.fuzz.readers import BY_NAME
    atheris.Setup(sys.argv, BY_NAME[name].read)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
