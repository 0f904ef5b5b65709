"""`streamspec site`: many bundles as a static site. Verifies and renders nothing itself."""

import os
import sys
from pathlib import Path

import click

from .terminal import RED, fail, out, progress, say

SHOWN = 3
"""Reasons of a refusal that are told at the terminal; the page has them all."""


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="BUNDLE...")
@click.option("--out", "folder", required=True, type=click.Path(path_type=Path), help="Folder of the site.")
@click.option("--keys", type=click.Path(file_okay=False, exists=True, path_type=Path), help="Folder of NAME.pub files.")
@click.option("--light", is_flag=True, help="Do not judge the recordings again; every page says so.")
@click.option("--without-bundles", is_flag=True, help="Leave the bundles themselves out of the site.")
@click.option("-n", "--workers", type=click.IntRange(1, 64), help="Processes that verify (default: one per core).")
def site(
    paths: tuple[Path, ...], folder: Path, keys: Path | None, light: bool, without_bundles: bool, workers: int | None
) -> None:
    """Verify bundles, or folders of them, and make a static site: which target keeps which rules.

    A bundle that does not hold is refused and named, with the reason; the others are shown. Keys in --keys say who
    signed. An earlier site in OUT is replaced.

    \b
    streamspec site results/bundles --keys results/keys --out public

    Exit status: 0 every bundle holds, 1 some were refused, 2 no site was made.
    """  # noqa: D301 - click's mark
    from conformance.certificate.keys import KeyFileError, read_public
    from conformance.certificate.storing import BundleError
    from conformance.results.entry import Entry, Refused, bundles_in, entries
    from conformance.results.site import files_of
    from conformance.results.storing import SiteError, check_room, write

    try:
        check_room(folder)
        known = {read_public(path).keyid: path.stem for path in sorted(keys.glob("*.pub"))} if keys else {}
        bundles = bundles_in(paths)
        found: list[Entry | Refused] = []
        with progress() as bar:
            task = bar.add_task("verify", total=len(bundles))
            for each in entries(bundles, known, light=light, workers=workers or os.cpu_count() or 1):
                found.append(each)
                bar.update(task, advance=1, description=each.source)
        held = [each for each in found if isinstance(each, Entry)]
        refused = [each for each in found if isinstance(each, Refused)]
        count = write(folder, files_of(held, refused, with_bundles=not without_bundles))
    except (KeyFileError, BundleError, SiteError) as problem:
        fail(str(problem))
    except OSError as problem:
        fail(f"cannot write {folder}: {problem.strerror}")
    except KeyboardInterrupt:
        fail("interrupted; no site is written")
    for refusal in refused:
        more = f"; and {len(refusal.why) - SHOWN} more" if len(refusal.why) > SHOWN else ""
        say(f"refused {refusal.source}: {'; '.join(refusal.why[:SHOWN])}{more}", "red")
    said = f"{folder}: {len(held)} bundles, {len(refused)} refused, {count} files; open {folder / 'index.html'}"
    out.print(said, markup=False, soft_wrap=True)
    sys.exit(RED if refused else 0)
