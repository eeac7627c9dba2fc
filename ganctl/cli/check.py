"""The command that looks for what is wrong with pictures."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ganctl.cli import console
from ganctl.cli.options import MaxMegapixels, Verbose, announce_download, complete_sets, require_positive
from ganctl.errors import DataError

if TYPE_CHECKING:
    from ganctl.data.check.check import Report

MAX_UNUSED_NAMES = 8  # names of unused files that are printed


def check_data(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help="A folder of pictures, or the name of a data set, such as horse2zebra.",
            autocompletion=complete_sets,
        ),
    ],
    domains: Annotated[
        str | None, typer.Option(metavar="A,B", help="Names of the two folders in it that hold the domains.")
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(metavar="PX", help="Size to train at, in pixels; without it, 256 where there are two domains."),
    ] = None,
    max_megapixels: MaxMegapixels = None,
    verbose: Verbose = False,
) -> None:
    """Check pictures for problems before training on them."""
    require_positive("--size", size)
    require_positive("--max-megapixels", max_megapixels)
    from ganctl.data.check import check
    from ganctl.data.check.findings import display_name
    from ganctl.data.resolve import parse_domain_names
    from ganctl.images.reading import MAX_MEGAPIXELS

    pair = None if domains is None else parse_domain_names(domains, data)
    root = _folder_of(data)
    report = check.examine(root, pair, size, max_megapixels or MAX_MEGAPIXELS)
    _show_check(report)
    if verbose:
        for path, reason in report.skipped:
            console.result(f"skipped: {display_name(path)}: {reason}")
    if report.problems:
        worst = report.problems[0]
        raise DataError(f"{display_name(root)} cannot be trained on: {worst.message}", worst.remedy)


def _show_check(report: "Report") -> None:
    """Print the folders of a set in a table, then the findings."""
    from ganctl.data.check.findings import display_name

    rows: list[tuple[str, ...]] = [("FOLDER", "PICTURES", "SMALLEST", "MEDIAN", "LARGEST", "MODES")]
    for folder, contents in zip(report.layout.folders, report.contents, strict=True):
        sizes = [f"{width}×{height}" for width, height in contents.sizes] or ["", "", ""]
        modes = ", ".join(f"{mode} {count}" for mode, count in contents.modes.items())
        count = str(len(folder.pictures)) if folder.exists else "missing"
        rows.append((display_name(folder.name), count, *sizes, modes))
    console.table(rows)
    if unused := [display_name(name) for name in report.layout.unused]:
        more = f" and {len(unused) - MAX_UNUSED_NAMES} more" if len(unused) > MAX_UNUSED_NAMES else ""
        console.result(f"not used: {', '.join(unused[:MAX_UNUSED_NAMES])}{more}")
    for finding in report.findings:
        console.result(f"{finding.severity}: {finding.message} {finding.remedy}")
    if not report.findings:
        console.say("Nothing to remark.")


def _folder_of(data: str) -> Path:
    """The folder that DATA means, fetched if it is a set that is not here."""
    from ganctl.data import resolve
    from ganctl.data.sources import cyclegan_sets

    if data in (*resolve.SINGLE_SETS, resolve.PLAIN2STRIPED):
        raise DataError(
            f"{data} is not made of picture files.",
            f"Name a folder of pictures, or one of: {', '.join(cyclegan_sets.NAMES)}.",
        )
    announce_download(data)
    return resolve.dataset_folder(data)
