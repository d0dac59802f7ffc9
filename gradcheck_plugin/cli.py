"""The `gradcheck` command: check, demo, list, explain."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

DEMO = Path(__file__).parent / "demo" / "homework.py"
USAGE = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. Exit code 0: all pass, 1: something failed, 2: usage, or nothing to check."""
    parser = _parser()
    args = parser.parse_args(argv)
    try:
        code: int = args.run(args)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        code = 130
    except BrokenPipeError:
        sys.stderr.close()
        code = 1
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("gradcheck", description="Checks hand-written backward functions.")
    commands = parser.add_subparsers(required=True, metavar="command")
    check = commands.add_parser("check", help="check files and folders")
    check.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    check.set_defaults(run=_check)
    demo = commands.add_parser("demo", help="check the homework file that ships with the package")
    demo.set_defaults(run=_check, paths=[DEMO])
    for command in (check, demo):
        _options(command)
    known = commands.add_parser("list", help="the layers, losses, networks and update rules that are known")
    known.set_defaults(run=_list)
    explain = commands.add_parser("explain", help="formula, shapes, gradient and classical mistakes of a layer")
    explain.add_argument("layer", nargs="+", metavar="LAYER", help="a name or an alias of `gradcheck list`")
    explain.add_argument("--lang", choices=("en", "ko"), default=_language(), help="language of the mistakes")
    explain.set_defaults(run=_explain)
    return parser


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", type=Path, metavar="PATH", help="write every result as JSON")
    parser.add_argument("--as", "--gradcheck-as", dest="pinned", action="append", default=[], metavar="NAME=LAYER",
                        help="NAME stands for the reference LAYER")  # fmt: skip
    parser.add_argument("--cases", type=_positive(int), default=25, help="cases for each property (default 25)")
    parser.add_argument("--seconds", type=_positive(float), default=10.0, help="time limit of a call and a property")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--strict", action="store_true", help="advice fails, too")
    parser.add_argument("-v", "--verbose", action="store_true", help="show how each object is called")


def _positive(kind: type[int] | type[float]) -> type:
    def parse(text: str) -> float:
        value = kind(text)
        if not value > 0:
            raise argparse.ArgumentTypeError(f"{text} is not above 0")
        return value

    parse.__name__ = "number"
    return parse  # type: ignore[return-value]


def pins(given: Sequence[str]) -> dict[str, str]:
    """`Affine2=affine` pairs as a dictionary.

    Raises ValueError that names the pair and the mend.
    """
    from reference_impls import load

    found = {}
    for pair in given:
        name, equals, layer = pair.partition("=")
        if not (name and equals and layer):
            raise ValueError(f"cannot read {pair!r}: write NAME=LAYER, for instance Affine2=affine")
        try:
            found[name] = load(layer).name
        except KeyError as exc:
            raise ValueError(f"{pair}: {exc.args[0]}; `gradcheck list` prints all") from None
    return found


def _check(args: argparse.Namespace) -> int:
    from gradcheck_plugin.api import check_paths
    from gradcheck_plugin.report.as_json import write
    from gradcheck_plugin.suite import Settings

    try:
        settings = Settings(args.cases, args.seconds, args.seed, args.strict, pins(args.pinned))
    except ValueError as exc:
        print(f"error: --as {exc}", file=sys.stderr)
        return USAGE
    if args.json and not args.json.resolve().parent.is_dir():
        print(f"error: --json {args.json}: there is no folder {args.json.resolve().parent}", file=sys.stderr)
        return USAGE
    report = check_paths(args.paths, settings)
    print(_encodable(report.text(verbose=args.verbose)))
    if args.json:
        try:
            write(args.json, report.to_json())
        except OSError as exc:
            print(f"error: --json {args.json}: {exc.strerror}", file=sys.stderr)
            return USAGE
    return report.exit_code


def _encodable(text: str) -> str:
    """The text with what this terminal cannot show escaped."""
    encoding = sys.stdout.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _list(args: argparse.Namespace) -> int:
    from gradcheck_plugin.catalogue import listing
    from reference_impls import specs

    print(_encodable(listing(specs().values())))
    print(f"\n{len(specs())} references; gradcheck explain NAME shows one")
    return 0


def _language() -> str:
    """Korean where the locale is Korean."""
    names = (os.environ.get(n, "") for n in ("LC_ALL", "LC_MESSAGES", "LANG"))
    return "ko" if next(filter(None, names), "").lower().startswith("ko") else "en"


def _explain(args: argparse.Namespace) -> int:
    from gradcheck_plugin.api import explain

    code = 0
    for name in args.layer:
        try:
            print(_encodable(explain(name, args.lang)))
        except KeyError as exc:
            print(f"error: {exc.args[0]}; `gradcheck list` prints all", file=sys.stderr)
            code = USAGE
    return code


if __name__ == "__main__":
    sys.exit(main())
