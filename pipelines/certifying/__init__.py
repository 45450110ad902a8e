"""The runs of `trapline certify`: before the seal, after planting, over what somebody released, and attacks."""
