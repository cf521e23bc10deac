"""The loop that people copy from tutorials, as small as they write it: what `edge bench peers` measures ours against.

Read a frame, resize it with Pillow, make a new input, infer, decode, publish at QoS 0, one after the other. It keeps nothing,
follows nothing, and loses what it publishes while the broker is away. Decoding the outputs is ours in both: it is not what differs.
"""

import json
import time
from pathlib import Path
from typing import Any

import av
import numpy as np
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from PIL import Image

from edge.recognition.scaling import View
from edge.recognition.tflite import TfliteDetector

TOPIC = "loop"
STRETCHED = View()


def run(video: Path, detector: TfliteDetector, host: str, port: int, *, realtime: bool) -> tuple[int, int]:
    """Look at the whole video.

    Args:
        realtime: at its recorded pace.

    Returns:
        Frames, and messages published. A message carries the monotonic second at which its frame was decoded.
    """
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.connect(host, port)
    client.loop_start()
    picture: Any  # PyAV leaves some of it untyped
    frames = sent = 0
    begin_s = time.monotonic()
    with av.open(str(video)) as container:
        for picture in container.decode(video=0):
            if realtime:
                time.sleep(max(0.0, begin_s + (picture.time or 0.0) - time.monotonic()))
            given_s = time.monotonic()
            image = picture.to_image().resize((300, 300), Image.Resampling.BILINEAR)
            tensor = (np.asarray(image, np.float32) / 127.5 - 1.0)[np.newaxis]
            found = detector.read_outputs(detector.interpreter.infer(tensor), STRETCHED)
            frames += 1
            if found:
                sent += 1
                body = {"given_s": given_s, "detections": [[d.label, d.score, d.box] for d in found]}
                client.publish(TOPIC, json.dumps(body))
    client.disconnect()
    client.loop_stop()
    return frames, sent
