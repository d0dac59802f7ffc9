"""The `gradcheck` command: check, demo, list, explain."""

from __future__ import annotations

import argparse
import difflib
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from gradcheck_plugin.model import Settings

DEMO = Path(__file__).parent / "demo" / "homework.py"
USAGE = 2
INTERRUPTED = 130
NOBODY_READS = 141  # as a shell says of a program that wrote into a closed pipe


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. Exit code 0: all was judged and nothing failed, 1: something failed, 2: usage, or nothing to
    check, 3: something was left open or not driven."""
    _open_closed_streams()
    args = _parser().parse_args(argv)
    try:
        code: int = args.run(args)
        if sys.stdout is not None:
            sys.stdout.flush()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        _give_up_stdout()
        return NOBODY_READS
    except OSError as exc:
        if not _is_stdout_at_fault():
            raise
        print(f"error: the report cannot be written: {exc.strerror}", file=sys.stderr)
        return USAGE
    return code


def _open_closed_streams() -> None:
    """A shell can close them, `>&-`; then the next file that is opened would take their place."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _is_stdout_at_fault() -> bool:
    """Whether it is the output that cannot be written, to a full disk for instance; then nothing more is written."""
    try:
        print(end="", flush=True)
    except OSError:
        _give_up_stdout()
        return True
    return False


def _give_up_stdout() -> None:
    """Python flushes the output once more when it ends; that must not fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _Parser(argparse.ArgumentParser):
    """Says what was meant where a file stands in the place of a command."""

    def error(self, message: str) -> NoReturn:
        if "invalid choice: " in message and "command" in message:
            given = message.partition("invalid choice: ")[2].partition(" (choose")[0].strip("'\"")
            commands = ("check", "demo", "list", "explain")
            near = difflib.get_close_matches(given, commands, n=1)
            if given.endswith((".py", ".ipynb")) or (not near and os.path.exists(given)):
                message = f"{given!r} is no command; did you mean `gradcheck check {given}`?"
            else:
                meant = f"did you mean {near[0]}?" if near else f"there are {', '.join(commands)}"
                message = f"{given!r} is no command; {meant}"
        super().error(message)


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"gradcheck {version('pytest-gradcheck')}"
    except PackageNotFoundError:
        return "gradcheck, not installed"


def _parser() -> argparse.ArgumentParser:
    parser = _Parser("gradcheck", description="Checks hand-written backward functions.")
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(required=True, metavar="command")
    check = commands.add_parser("check", help="check files and folders")
    check.add_argument("paths", nargs="+", type=_path, metavar="PATH")
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
    parser.add_argument("--report", action="append", default=[], metavar="FORMAT=PATH",
                        help="write the report to a file: json, html, text")  # fmt: skip
    parser.add_argument("--json", metavar="PATH", help="the same as --report json=PATH")
    parser.add_argument("--as", "--gradcheck-as", dest="pinned", action="append", default=[], metavar="NAME=LAYER",
                        help="NAME stands for the reference LAYER")  # fmt: skip
    parser.add_argument("--require", action="append", default=[], metavar="NAME[,NAME]",
                        help="fail where this object is not judged: left open, not driven, or not there")  # fmt: skip
    parser.add_argument("--allow-open", action="store_true",
                        help="exit code 0 in place of 3 for what is left open or not driven")  # fmt: skip
    parser.add_argument("--cases", type=_positive(int), default=25, help="cases for each property (default 25)")
    parser.add_argument("--seconds", type=_positive(float), default=10.0, help="time limit of one call of the code")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--strict", action="store_true",
                        help="advice, open verdicts and objects that are not driven fail, too")  # fmt: skip
    parser.add_argument("--in-process", action="store_true",
                        help="run the files in this process: nothing is printed for you if they end it")  # fmt: skip
    parser.add_argument("-v", "--verbose", action="store_true", help="show how each object is called")


def _path(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("an empty name is no file")
    return Path(text)


def _positive(kind: type[int] | type[float]) -> type:
    def parse(text: str) -> float:
        value = kind(text)
        if not 0 < value < float("inf"):
            raise argparse.ArgumentTypeError(f"{text} is not above 0" if value != float("inf") else "not finite")
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


def names(given: Iterable[str]) -> tuple[str, ...]:
    """The names of `A,B` and of `A B`, each once."""
    return tuple(dict.fromkeys(name for text in given for name in text.replace(",", " ").split()))


def _check(args: argparse.Namespace) -> int:
    from gradcheck_plugin import report
    from gradcheck_plugin.model import Settings
    from gradcheck_plugin.suite import python_files

    try:
        pinned = pins(args.pinned)
    except ValueError as exc:
        return _usage(f"--as {exc}")
    if args.json and (complaint := report.unwritable(Path(args.json))):
        return _usage(f"--json {complaint}")
    try:
        args.files = report.asked([*args.report, *([f"json={args.json}"] if args.json else [])])
    except ValueError as exc:
        return _usage(f"--report {exc}")
    files = list(python_files(args.paths))
    for name, layer in pinned.items():
        if files and not any(_mentions(file, name.rpartition(".")[2]) for file in files):
            return _usage(f"--as {name}={layer}: {name} is in none of the files")
    settings = Settings(args.cases, args.seconds, args.seed, args.strict, pinned, names(args.require), args.allow_open)
    return _checked(args, files, settings)


def _usage(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return USAGE


def _mentions(file: Path, name: str) -> bool:
    try:
        return not file.is_file() or name.encode("utf-8", "surrogateescape") in file.read_bytes()
    except OSError:
        return True


def _checked(args: argparse.Namespace, files: Sequence[Path], settings: Settings) -> int:
    """Check file after file; each is printed when it is done, and Ctrl-C keeps what was."""
    from gradcheck_plugin import checking, child
    from gradcheck_plugin.api import Report, conclude
    from gradcheck_plugin.oracles import autograd
    from gradcheck_plugin.progress import Progress
    from gradcheck_plugin.report import text, write

    check_file = child.check if child.available() and not args.in_process else checking.check_file
    if len(files) > 1:
        autograd.ready()  # once, before the first child is forked
    whole = Report(settings=settings)
    done: list[Progress] = []
    interrupted = False
    try:
        for number, path in enumerate(files, start=1):
            done.append(Progress(path, f"[{number}/{len(files)}] " if len(files) > 1 else "", _say))
            check_file(path, settings, done[-1].tell)
            done[-1].close(args.verbose)
    except KeyboardInterrupt:
        interrupted = True
        for progress in done[-1:]:
            progress.close(args.verbose)
    for progress in done:
        progress.add_to(whole)
    known = len(whole.problems)
    if not interrupted:
        conclude(whole, args.paths, files)
    last = text.problems((p.code, p.message) for p in whole.problems[known:]) + text.hint(whole.not_driven)
    _say("\n".join([*last, text.totals(whole.results, whole.not_driven)]))
    for name, path in args.files:
        try:
            write(whole, name, path)
        except OSError as exc:
            return _usage(f"--report {name}={path}: {exc.strerror}")
    if interrupted:
        raise KeyboardInterrupt
    return whole.exit_code


def _say(text: str) -> None:
    """Print; at once, for whoever waits for it."""
    print(_encodable(text), flush=True)


def _encodable(text: str) -> str:
    """The text with what this terminal cannot show escaped."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
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
