"""How templates of pages and plots are read: from the folder `templates`, with every value escaped."""

import functools

import jinja2


@functools.cache
def environment() -> jinja2.Environment:
    """The one environment of all templates; a name that a template uses and nobody gave is an error."""
    return jinja2.Environment(
        loader=jinja2.PackageLoader("pipelines.pages"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
