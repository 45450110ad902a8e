"""Matrix products on the CPU by oneDNN, which compiles them for the processor at hand, whoever made it."""

import torch


class OneDnnLinear(torch.nn.Linear):
    """`torch.nn.Linear` in float32 with the same weights; another library multiplies."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 - the name it has there
        """(..., in) -> (..., out)."""
        product: torch.Tensor = torch.ops.mkldnn._linear_pointwise(  # noqa: SLF001 - what torch.compile itself calls
            input, self.weight, self.bias, "none", [], ""
        )
        return product


def use_onednn(model: torch.nn.Module) -> bool:
    """Let the plain linear layers of `model` multiply by oneDNN; false, and nothing changed, where it is not there."""
    layers = [one for one in model.modules() if type(one) is torch.nn.Linear and one.weight.dtype == torch.float32]
    if not layers or not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    try:
        with torch.inference_mode():
            one = layers[0]
            x = torch.ones(2, one.in_features)
            OneDnnLinear.forward(one, x)  # type: ignore[arg-type]
    except (RuntimeError, AttributeError, NotImplementedError):
        return False
    for one in layers:
        one.__class__ = OneDnnLinear
    return True
