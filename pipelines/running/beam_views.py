"""Beam's options, of which each group of flags is read once."""

from typing import Any

from apache_beam.options.pipeline_options import PipelineOptions


class RememberedViews(PipelineOptions):
    """`PipelineOptions` that give the same view of a group of flags each time.

    Beam asks for a view some hundred times a pipeline, and each time builds a parser of the group's flags anew: a
    quarter of the time that a small pipeline takes. All views share their values, so the first one serves.
    """

    def view_as(self, cls: type[Any]) -> Any:
        """The view of the group `cls`."""
        views = self.__dict__.setdefault("_views", {})
        if cls not in views:
            views[cls] = super().view_as(cls)
        return views[cls]

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled: the values, without views."""
        return {name: value for name, value in super().__getstate__().items() if name != "_views"}
