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
