"""The one exception that stands for a mistake of the user's."""


class UserError(Exception):
    """A mistake that one line explains: what, where, what was expected, what to do."""
