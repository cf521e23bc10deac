"""One base error; its leaves name the room that failed."""


class EdgeError(Exception):
    """Something failed that a person can understand and mend.

    Args:
        message: the operation, the place and the value.
        hint: the remedy, as an instruction; shown behind the message.

    `retryable` says whether waiting may help: the same call may succeed later without anybody doing anything.
    """

    retryable = False
    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    def __str__(self) -> str:
        message = super().__str__()
        return f"{message} ({self.hint})" if self.hint else message


class ConfigError(EdgeError):
    """The configuration or the command line is wrong."""

    exit_code = 2


class CameraError(EdgeError):
    """A camera cannot be opened or read."""

    retryable = True


class CameraStalledError(CameraError):
    """A camera is silent though it reports no error."""


class CameraBlockedError(CameraError):
    """A camera's native code does not return, so that only ending the process frees it. `camera` is its name."""

    retryable = False

    def __init__(self, camera: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.camera = camera


class PictureError(EdgeError):
    """A file is not a picture that can be read, or a picture cannot be written. `retryable` where the file cannot be reached."""


class AssetError(EdgeError):
    """A model or sample is missing, damaged or cannot be fetched."""


class DetectorError(EdgeError):
    """The interpreter, the delegate or the decoding of its output failed."""

    retryable = True


class ClipError(EdgeError):
    """A clip cannot be recorded."""

    retryable = True


class StoreError(EdgeError):
    """The database or the picture folder cannot be read or written. `full`: because the card has no room."""

    retryable = True
    full = False


class MqttError(EdgeError):
    """A broker cannot be started, reached or understood."""

    retryable = True


class GpioError(EdgeError):
    """A pin cannot be used; the rest of the device can."""


class BackupError(EdgeError):
    """A backup cannot be made, read or restored. `retryable` where the network or the remote may come back."""

    def __init__(self, message: str, *, hint: str = "", retryable: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.retryable = retryable


class UpdateError(EdgeError):
    """An update cannot be found, verified or installed; what runs stays as it is. `retryable` where waiting may help."""

    def __init__(self, message: str, *, hint: str = "", retryable: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.retryable = retryable


class IsolateError(EdgeError):
    """A child process ended, hung, or sent what is no message; it is gone, and a new one may do better."""

    retryable = True


class RefusedError(EdgeError):
    """One request cannot be served; others can."""


class WorkError(EdgeError, ValueError):
    """A request for background work is wrong, or names work or a worker that is not there."""

    exit_code = 2
