"""What is done to data: a folder a capability, kernels beside thin PTransforms."""
