"""`check-models`: the model files that are here, beside what the catalogue says of them."""

from edge import assets
from edge.recognition import catalogue
from edge.work.states import Result, Retry, Success
from edge.work.worker import Run, worker


@worker("check-models", heavy=True)
def check_models(run: Run) -> Result:
    """Output: `ok`, and `differ`: those whose file is not the one that the catalogue names, damaged or of another version.

    Needs no network: after an update of the program its catalogue is the newer one.
    """
    ok: list[str] = []
    differ: list[str] = []
    known = catalogue.known(run.models_dir)
    for number, (name, model) in enumerate(known.items()):
        if run.stopping:
            return Retry("stopped")
        states = {assets.state_of(asset, run.models_dir) for asset in model.assets}
        if states == {"ok"}:
            ok.append(name)
        elif "damaged" in states:
            differ.append(name)
        run.progress(done=number + 1, of=len(known))
    return Success({"ok": [*ok], "differ": [*differ]})
