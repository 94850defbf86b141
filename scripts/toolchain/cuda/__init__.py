"""The CUDA toolkit: found on this machine, or put together from what NVIDIA publishes."""
