"""What no data sheet says. Change a number and `python -m vdit.plan --table` says what follows.

[Z] ZeRO, 1910.02054; [F] FlashAttention-3, 2407.08608;
[S] How to Scale Your Model, jax-ml.github.io/scaling-book, chapters "GPUs" and "Training"
"""

from vdit.config.devices import USABLE

PRODUCTS = 0.65  # of the peak, inside matrix products and fused attention ([F]: 0.5 to 0.75)
LINKS = 0.8  # of the data sheets' rates (376 of 450 GB/s: github.com/NVIDIA/nccl/issues/1264)
OVERLAP = 0.8  # of weights' and gradients' traffic hides, behind so much of the work ([S] takes 1)
LATENCY = 20e-6  # seconds that each collective costs, however small
HOP = 5e-6  # and for each further node of its ring
# Of compiled programs (analysis/results/gpu_compiled): how often element-wise kernels and sums move
# what the dense layers of a forward pass do, and how often what is kept is moved (zeros, a copy
# into the stack of all layers, a copy out of it).
ELEMENT_WISE = {"none": 5.2, "dots": 5.4, "full": 7.8}
KEPT = 5
STATE = 16  # bytes a weight: float32 weights, their average (EMA), two moments of Adam [Z]
UPDATE = 44  # bytes read and written a weight: gradient 3x, the state of 16 in, 16 out

# As `vdit.plan` prints them beside its predictions.
PRINTED = {
    "products_share_of_peak": PRODUCTS,
    "links_share_of_data_sheet": LINKS,
    "overlap_share": OVERLAP,
    "latency_s_of_a_collective": LATENCY,
    "latency_s_of_a_node": HOP,
    "usable_share_of_memory": USABLE,
    "attention": "fused, no probabilities kept",
    "weights_and_gradients_travel_in": "the dtype of the computation",
}
