"""The detector that the configuration asks for."""

from edge.config import Config
from edge.health import Health
from edge.recognition import edgetpu, tflite
from edge.recognition.accelerators import AbsentError, find_edgetpus
from edge.recognition.failover import FailoverDetector
from edge.recognition.port import Detector
from edge.runtime import Fatal


def make_detector(config: Config, health: Health, fatal: Fatal) -> Detector:
    """On the CPU, or on the Edge TPU with the CPU standing by.

    Raises:
        EdgeError: no such model, its file is missing or damaged, or it is wanted on the Edge TPU and has no twin.
    """
    settings = config.detector
    standby = tflite.load(
        settings.model,
        config.models_dir,
        threads=settings.threads,
        keep_score=config.tracking.keep_score,
        thresholds=settings.thresholds,
        only=settings.labels,
    )
    if settings.accelerator == "edgetpu":
        edgetpu.require_twin(settings.model, config.models_dir)
    elif settings.accelerator == "cpu" or not edgetpu.has_twin(settings.model, config.models_dir):
        return standby

    def make() -> Detector:
        if settings.accelerator == "auto" and not find_edgetpus():
            raise AbsentError("no Edge TPU is plugged in")
        return edgetpu.load(
            settings.model,
            config.models_dir,
            standby.labels,
            library=settings.edgetpu_library,
            options=settings.edgetpu_options,
            timeout_s=settings.edgetpu_timeout_s,
            keep_score=config.tracking.keep_score,
            thresholds=settings.thresholds,
            only=settings.labels,
        )

    return FailoverDetector(standby, make, name="edgetpu", health=health, failed=fatal)
