"""What can go wrong between a client and its worlds; `problems.py` says which status each becomes."""

from pandora.errors import InvalidInput, PandoraError


class ServiceError(PandoraError):
    code = "service_error"


class NotFound(ServiceError):
    code = "not_found"


class UnknownWorld(NotFound):
    """Says nothing about the id, so that an id of somebody else looks like one that never was."""

    code = "unknown_world"

    def __init__(self) -> None:
        super().__init__("There is no such world. GET /v1/worlds lists yours.")


class UnknownStep(NotFound):
    code = "unknown_step"


class UnknownScene(NotFound):
    code = "unknown_scene"


class UnknownUpload(InvalidInput):
    code = "unknown_upload"


class Conflict(ServiceError):
    """`head`, where it is known, tells the client where the world is now."""

    code = "conflict"

    def __init__(self, detail: str, head: int | None = None):
        super().__init__(detail)
        self.head = head


class StepConflict(Conflict):
    code = "step_conflict"


class EventIdConflict(Conflict):
    code = "event_id_conflict"


class Overloaded(ServiceError):
    """Worth another try after `retry_after` seconds."""

    code = "overloaded"
    retry_after = 1


class TooManyWorlds(Overloaded):
    code = "too_many_worlds"
    retry_after = 30


class TooManySteps(Overloaded):
    code = "too_many_steps"
    retry_after = 30


class TooManyWaiting(Overloaded):
    code = "too_many_waiting"


class TooManyViewers(Overloaded):
    code = "too_many_viewers"
    retry_after = 10


class NotReady(Overloaded):
    code = "not_ready"
    retry_after = 2


class Stopping(NotReady):
    code = "stopping"


class StoreUnavailable(NotReady):
    code = "store_unavailable"
    retry_after = 5

    def __init__(self) -> None:
        super().__init__("The store can't be written or read just now. Nothing was changed; try again in a moment.")


class ModelUnavailable(NotReady):
    code = "model_unavailable"
    retry_after = 30


class GenerationFailed(ServiceError):
    code = "generation_failed"

    def __init__(self) -> None:
        super().__init__("The model failed on this action. The world is as it was; try again or say it differently.")


class Forbidden(ServiceError):
    code = "forbidden_origin"


class MalformedMessage(InvalidInput):
    code = "malformed_message"
