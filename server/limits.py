"""The limits that the service states to its clients and enforces."""

MAX_ACTION_CHARACTERS = 500
MAX_ACTIONS_PER_CALL = 32
MAX_NAME_CHARACTERS = 80
MAX_JSON_BYTES = 64 * 1024
MAX_MESSAGE_BYTES = 64 * 1024
MAX_UPLOAD_BYTES = 8 * 1024 * 1024
MAX_IMAGE_PIXELS = 16_000_000
MAX_SEED = 2**53 - 1  # what a JavaScript number holds exactly
MAX_FORKS_PER_CALL = 64
MAX_CANDIDATES = 256  # of a rollout
MAX_SAMPLES = 16
MAX_DEADLINE_MS = 600_000
MAX_GOAL_FACTS = 32
MAX_PLAN_ACTIONS = 16
MAX_PLAN_CALLS = 100_000  # that a client may name; the settings say how many are made
MAX_PLAN_SAMPLES = 8
MAX_TEXTS_AT_ONCE = 8  # that the model writes for a plan while viewers wait
MAX_CHECKS = 16  # of a plan that was found
MAX_GOALS = 16  # to choose from
MAX_BETA = 100
MAX_PRIOR = 1e6  # weight of a goal
MAX_WATCHED_STEPS = 64  # of a world's film: the last ones
