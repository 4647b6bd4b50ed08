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


class UnknownRollout(NotFound):
    """The same for one that never was, one of somebody else, and one that is too old."""

    code = "unknown_rollout"

    def __init__(self) -> None:
        super().__init__("There is no such rollout, or it is too old. POST /v1/rollouts begins one.")


class UnknownFuture(NotFound):
    code = "unknown_future"


class UnknownPlan(NotFound):
    """The same for one that never was, one of somebody else, and one that is too old."""

    code = "unknown_plan"

    def __init__(self) -> None:
        super().__init__("There is no such plan, or it is too old. POST /v1/plans begins one.")


class UnknownNode(NotFound):
    code = "unknown_node"


class UnknownFilm(NotFound):
    code = "unknown_film"


class UnknownStep(NotFound):
    code = "unknown_step"


class UnknownScene(NotFound):
    code = "unknown_scene"


class UnknownKey(NotFound):
    code = "unknown_key"


class UnknownUpload(InvalidInput):
    code = "unknown_upload"


class RolloutTooLarge(InvalidInput):
    code = "rollout_too_large"


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


class IncompatibleModel(Conflict):
    code = "incompatible_model"

    def __init__(self) -> None:
        super().__init__(
            "This world was made with other weights than those that are loaded. Serve those weights again to go on "
            "with it, or begin a new world from a picture of it."
        )


class Quarantined(Conflict):
    code = "quarantined"

    def __init__(self) -> None:
        super().__init__(
            "The service ended twice while this world was acting, so it acts no more by itself. Rewind it, to its "
            "head or any other step, to try again."
        )


class TooManyWorldsOfYours(Conflict):
    """A user's own limit: no waiting helps, deleting does."""

    code = "too_many_worlds_of_yours"


class Overloaded(ServiceError):
    """Worth another try after `retry_after` seconds."""

    code = "overloaded"
    retry_after = 1


class TooManyRequests(Overloaded):
    code = "too_many_requests"
    what = "requests"

    def __init__(self, per_second: float, retry_after: int):
        rate = (
            f"{per_second:g} {self.what} a second" if per_second >= 1 else f"{per_second * 60:g} {self.what} a minute"
        )
        super().__init__(f"You may make {rate}. Try again in {retry_after} s.")
        self.retry_after = retry_after


class TooManyNewWorlds(TooManyRequests):
    code = "too_many_new_worlds"
    what = "new worlds"


class TooManyWorlds(Overloaded):
    code = "too_many_worlds"
    retry_after = 30


class TooManyLive(Overloaded):
    code = "too_many_live"
    retry_after = 10


class TooManySteps(Overloaded):
    code = "too_many_steps"
    retry_after = 30


class TooManyWaiting(Overloaded):
    code = "too_many_waiting"


class TooManyViewers(Overloaded):
    code = "too_many_viewers"
    retry_after = 10


class TooManyRollouts(Overloaded):
    code = "too_many_rollouts"
    retry_after = 5


class OutOfMemory(Overloaded):
    code = "out_of_memory"
    retry_after = 5

    def __init__(self) -> None:
        super().__init__("The memory did not suffice for this clip. The world is as it was; try again in a moment.")


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


class Damaged(ServiceError):
    code = "damaged"

    def __init__(self) -> None:
        super().__init__("What the store keeps of this world is damaged or incomplete, and it can't be made again.")


class GenerationFailed(ServiceError):
    code = "generation_failed"

    def __init__(self) -> None:
        super().__init__("The model failed on this action. The world is as it was; try again or say it differently.")


class Unauthenticated(ServiceError):
    """The same for no key, a wrong one and a revoked one, so that nothing is told about keys."""

    code = "unauthenticated"

    def __init__(self) -> None:
        super().__init__(
            "This service asks for a key: send `Authorization: Bearer pk_…`. Its operator makes one with "
            "`pandora keys create --owner NAME`. A browser's socket offers a ticket from POST /v1/worlds/{id}/tickets."
        )


class MissingScope(ServiceError):
    code = "missing_scope"


class Forbidden(ServiceError):
    code = "forbidden_origin"


class MalformedMessage(InvalidInput):
    code = "malformed_message"
