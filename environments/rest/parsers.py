"""Reading request bodies. Whatever is not a plain JSON document is refused with a sentence."""

import json
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser


class StrictJSONParser(JSONParser):
    """JSON in UTF-8, as databases can keep it: no NaN, no lone surrogates, no NUL, no bottomless nesting."""

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        try:
            data = super().parse(stream, media_type, parser_context)
            text = json.dumps(data, ensure_ascii=False)
            text.encode()
        except ParseError as error:
            reason = str(error.detail).removeprefix("JSON parse error - ")
            raise ParseError(f"The body is not JSON: {reason}.") from error
        except RecursionError as error:
            raise ParseError("The body is nested too deeply.") from error
        except UnicodeEncodeError as error:
            raise ParseError("The body has half of a surrogate pair, which is no character.") from error
        if "\\u0000" in text:
            raise ParseError("The body has a NUL character, which cannot be kept.")
        return data
