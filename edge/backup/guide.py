"""What a person is asked when a backup is set up: questions for each kind of remote. Every answer may be given as an option instead."""

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from edge.backup.setting_up import TOKEN, Answers, read_token
from edge.errors import ConfigError


class Asker(Protocol):
    """A person at a terminal. All methods give one line without blanks around it."""

    def text(self, question: str, default: str) -> str: ...
    def secret(self, question: str) -> str:
        """Not shown while it is typed."""

    def say(self, text: str) -> None: ...


class Question(NamedTuple):
    """One option of rclone's. `needed`: asked again while it is empty. `read` makes the option of an answer, or raises ConfigError."""

    option: str
    words: str
    default: str = ""
    needed: bool = True
    secret: bool = False
    read: Callable[[str], str] = str


class Guide(NamedTuple):
    """`first` is said before the questions; `fixed` are options that nobody needs to choose."""

    title: str
    path: str
    questions: tuple[Question, ...] = ()
    first: str = ""
    fixed: Mapping[str, str] = {}


TOKEN_STEP = """Drive wants a browser once. On any machine that has one:
  1. install rclone there and run:  rclone authorize "drive" "eyJzY29wZSI6ImRyaXZlLmZpbGUifQ"
  2. log in, in the page that opens
  3. copy the line that it prints between "--->" and "<---"; it is the secret of this backup"""

GUIDES = {
    "local": Guide("a disk or folder of this machine", "folder, for example /media/disk/edge"),
    "s3": Guide(
        "S3: a bucket at Amazon, MinIO, Backblaze, Wasabi …",
        "bucket and folder, for example my-bucket/edge; the bucket must be there",
        (
            Question("provider", "whose S3: AWS, Minio, Wasabi, Cloudflare, Other …", "Other"),
            Question("endpoint", "address, for example https://nas:9000; empty for AWS", needed=False),
            Question("region", "region; empty: the provider's own", needed=False),
            Question("access_key_id", "access key"),
            Question("secret_access_key", "secret key", secret=True),
        ),
    ),
    "sftp": Guide(
        "SFTP: any machine with SSH",
        "folder there, for example backup/edge",
        (
            Question("host", "name or address of the machine"),
            Question("port", "port", "22"),
            Question("user", "user"),
            Question("pass", "password; empty: with a key", needed=False, secret=True),
            Question("key_file", "file of the private key; empty: none", needed=False),
        ),
    ),
    "webdav": Guide(
        "WebDAV: Nextcloud, ownCloud, a NAS",
        "folder there, for example edge",
        (
            Question("url", "address, for example https://nas/remote.php/dav/files/me"),
            Question("vendor", "nextcloud, owncloud, sharepoint, other", "other"),
            Question("user", "user"),
            Question("pass", "password", secret=True),
        ),
    ),
    "drive": Guide(
        "Google Drive",
        "folder there, for example edge",
        (Question(TOKEN, "the line", secret=True, read=read_token),),
        TOKEN_STEP,
        {"scope": "drive.file"},
    ),
}
KINDS = f"where to: {', '.join(GUIDES)}; any other of rclone's by `--from FILE:NAME`"


def walk(asker: Asker, given: Answers) -> Answers:
    """Ask for what was not given. A kind that has no guide is asked for its path alone."""
    kind = given.kind
    while not kind:
        for name, guide in GUIDES.items():
            asker.say(f"  {name:7} {guide.title}")
        kind = asker.text(KINDS, "local")
        if kind not in GUIDES:
            asker.say(f"{kind!r:.40} has no guide")
            kind = ""
    guide = GUIDES.get(kind, Guide(kind, "folder on the remote, with the bucket first where it has those"))
    options, secrets = {**guide.fixed, **given.options}, dict(given.secrets)
    if guide.first and not secrets:
        asker.say(guide.first)
    for question in guide.questions:
        if question.option in options or question.option in secrets:
            continue
        if answer := _answer(asker, question):
            (secrets if question.secret else options)[question.option] = answer
    path = given.path or _answer(asker, Question("path", guide.path))
    encrypted = given.encrypted and asker.text("encrypt: yes or no", "yes").lower() not in ("no", "n")
    mirror = given.mirror or asker.text(
        "also plain pictures by day, for people to look at: another folder; empty: none", ""
    )
    return Answers(kind, path, options, secrets, encrypted, mirror)


def _answer(asker: Asker, question: Question) -> str:
    while True:
        answer = asker.secret(question.words) if question.secret else asker.text(question.words, question.default)
        if not answer and question.needed:
            asker.say("this is needed")
            continue
        try:
            return question.read(answer)
        except ConfigError as error:
            asker.say(f"{error}: {error.hint}")
