"""The one error that people see: a sentence, never a traceback."""


class Trouble(Exception):
    """Something that the person at the keyboard can put right. Its text is one sentence that says how."""
