import pytest

from edge.camera.address import redacted, with_credentials


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtsp://cam.local:554/stream1", "rtsp://cam.local:554/stream1"),
        ("rtsp://user:secret@cam/s", "rtsp://***@cam/s"),
        ("rtsp://secret@cam/s", "rtsp://***@cam/s"),
        ("rtsp://user:sec@ret/secret?secret#secret@cam/s", "rtsp://***@cam/s"),
        ("http://cam/video.cgi?user=admin&pwd=secret", "http://cam/video.cgi?***"),
        ("https://user:secret@cam/v?token=secret", "https://***@cam/v?***"),
        ("http://cam/v?next=a@secret", "http://***@secret"),  # rather too little than too much
        ("v4l2:/dev/video0", "v4l2:/dev/video0"),
    ],
)
def test_what_is_shown_of_an_address(address: str, shown: str) -> None:
    assert redacted(address) == shown


@pytest.mark.parametrize(
    ("address", "username", "password", "full"),
    [
        ("rtsp://cam:554/s?x=1", "u", "p w@/:", "rtsp://u:p%20w%40%2F%3A@cam:554/s?x=1"),
        ("rtsp://old:one@cam/s", "new", "", "rtsp://new@cam/s"),
        ("rtsp://[::1]:8554/s", "u", "p", "rtsp://u:p@[::1]:8554/s"),
    ],
)
def test_credentials_are_put_in(address: str, username: str, password: str, full: str) -> None:
    assert with_credentials(address, username, password) == full
