"""Templates become text here: strict about names, with nothing escaped for HTML."""

import shlex
from functools import cache
from importlib import resources

import jinja2


def fill(template: str, **values: object) -> str:
    """Fill ``templates/<template>`` with ``values``.

    Raises:
        jinja2.UndefinedError: the template uses a name that was not given.
    """
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> jinja2.Environment:
    folder = resources.files("modelyard") / "render" / "templates"
    environment = jinja2.Environment(
        autoescape=False,  # noqa: S701  # configuration files and scripts; what goes into a shell passes through `sh`
        keep_trailing_newline=True,
        loader=jinja2.FileSystemLoader(str(folder)),
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["sh"] = shlex.quote
    return environment
