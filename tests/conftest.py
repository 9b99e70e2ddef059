"""Before any test loads a library: the tests calculate as the stages do."""

import stages  # noqa: F401
