"""`edge web`: who may use the page, and how it is known to be the right one."""

import argparse
import getpass
import sys
from typing import Any

from edge.cli.common import add_config_options, load_config
from edge.clock import SystemClock
from edge.errors import ConfigError


def add_parser(verbs: Any) -> None:
    parser = verbs.add_parser("web", help="password and tokens of the local page", description=__doc__)
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    password = actions.add_parser("password", help="choose a new password; everybody has to log in again")
    password.add_argument("--stdin", action="store_true", help="read it from the standard input")
    password.set_defaults(handler=set_password)
    token = actions.add_parser("token", help="make a token for a machine, and show it once")
    token.add_argument("name")
    token.add_argument("--may", default="view", choices=("view", "operate", "admin"), help="default: view")
    token.set_defaults(handler=add_token)
    tokens = actions.add_parser("tokens", help="list the tokens")
    tokens.set_defaults(handler=list_tokens)
    revoke = actions.add_parser("revoke", help="make a token worthless")
    revoke.add_argument("name")
    revoke.set_defaults(handler=revoke_token)
    certificate = actions.add_parser("certificate", help="where the device's own certificate lies, and its fingerprint")
    certificate.set_defaults(handler=show_certificate)
    for action in (password, token, tokens, revoke, certificate):
        add_config_options(action)


def _access(options: argparse.Namespace) -> Any:
    from edge.web.access import Access

    return Access(load_config(options).data_dir, SystemClock())


def set_password(options: argparse.Namespace) -> int:
    from edge.web.access import SHORTEST

    password = sys.stdin.readline().strip() if options.stdin else getpass.getpass("new password: ").strip()
    if len(password) < SHORTEST:
        raise ConfigError("the password is too short", hint=f"at least {SHORTEST} characters")
    if not options.stdin and getpass.getpass("again: ").strip() != password:
        raise ConfigError("the two are not the same")
    _access(options).set_password(password)
    print("done")
    return 0


def add_token(options: argparse.Namespace) -> int:
    print(_access(options).add_token(options.name, options.may))
    return 0


def list_tokens(options: argparse.Namespace) -> int:
    for token in _access(options).tokens():
        print(f"{token.name:20} {token.granted}")
    return 0


def revoke_token(options: argparse.Namespace) -> int:
    if not _access(options).remove_token(options.name):
        raise ConfigError(f"no token is called {options.name!r}", hint="see `edge web tokens`")
    print("done")
    return 0


def show_certificate(options: argparse.Namespace) -> int:
    from edge.web.access import FOLDER
    from edge.web.certificate import Certificate

    certificate = Certificate(load_config(options).data_dir / FOLDER, ())
    if not certificate.pair.certificate.exists():
        raise ConfigError(
            "there is no certificate yet", hint="the program makes one when it serves the page over HTTPS"
        )
    print(f"{certificate.pair.certificate}\nSHA-256 {certificate.fingerprint()}")
    return 0
