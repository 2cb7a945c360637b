"""The published estimate for Sora, link by link.

Matthias Plappert, "Under The Hood: How OpenAI's Sora Model Works", Factorial Funds, March 2024.
Every number it printed stands as `published`. It counts DiT's "Gflops" as operations; they are
multiply-accumulates, two operations each: TRUE_FLOPS is the same chain with that put right.
"""

from analysis.costs.chain import Quantity as Q
from analysis.costs.chain import Spread

ARTICLE = "Plappert, Under The Hood: How OpenAI's Sora Model Works (Factorial Funds, 2024-03)"
DIT = "DiT, 2212.09748"
ASSUMED = "the article's assumption"
UPLOADS = "the article, of the platforms' figures"
TRUE_FLOPS = {"flops_per_operation": 2.0}

ADDED = "8.5 M + 6.5 M is 14.95 M; the printed 10.7 M is what a TikTok share of 25 % would give"
FOLLOWS = "follows from the slip in ai_minutes; right from the printed 10.7 M"
PEAK = "follows from the slip in ai_minutes; even from it 2 x 2 x 2 makes 713 k"

SECTIONS = {
    "DiT-XL/2, training": (
        Q("dit_train", 1e21, "operations", "training compute", DIT, "1e21"),
        # 132 SMs x 4,096 operations a clock x 1.83 GHz. The data sheet's 1,979 with sparsity halves
        # to 989.5, with which the article's 10,528 would be 10,527.
        Q("h100_peak", 989.4e12, "FLOP/s", "H100, dense bf16", "NVIDIA H100 white paper"),
        Q("month_days", 30, "days", "a month", ASSUMED),
        Q("flops_per_operation", 1, "FLOP", "one of DiT's operations", "true FLOPs: 2, " + DIT),
        Q("h100_month", "h100_peak * 86400 * month_days", "FLOP", "an H100-month"),
        Q("dit_h100_months", "dit_train * flops_per_operation / h100_month", "H100-months",
          "training on H100s", published="0.4"),
        Q("dit_h100_days", "dit_h100_months * month_days", "days", "on one H100", published="12"),
    ),
    "Sora, training": (
        Q("dit_params", 675e6, "", "weights of DiT-XL/2", DIT, "675 M"),
        Q("sora_params", 20e9, "", "weights of Sora", ASSUMED, "20e9",
          spread=Spread("log-normal", 10e9, 40e9)),
        Q("size_ratio", "sora_params / dit_params", "x", "size", published="30", carried=2),
        Q("seconds", 60, "s", "longest video", "OpenAI's announcement of Sora"),
        Q("fps", 24, "1/s", "frames a second", ASSUMED),
        Q("frames", "seconds * fps", "", "frames of a minute", published="1,440"),
        Q("compression", 8, "x", "compression in time", "as in space, " + DIT,
          spread=Spread("log-normal", 4, 16)),
        Q("latent_frames", "frames / compression", "", "latent frames", published="180"),
        Q("video_share", 0.5, "", "share of videos in the data", ASSUMED),
        Q("data_low", 4, "x", "more data than DiT, low", ASSUMED, "4"),
        Q("data_high", 10, "x", "more data than DiT, high", ASSUMED, "10"),
        Q("clip_ratio", "size_ratio * latent_frames * video_share", "x", "cost of a training clip"),
        Q("sora_train_low", "dit_train * clip_ratio * data_low", "operations",
          "training compute, low", published="1.1e25"),
        Q("sora_train_high", "dit_train * clip_ratio * data_high", "operations",
          "training compute, high", published="2.7e25"),
        Q("sora_h100_months_low", "sora_train_low * flops_per_operation / h100_month",
          "H100-months", "training on H100s, low", published="4,211"),
        Q("sora_h100_months_high", "sora_train_high * flops_per_operation / h100_month",
          "H100-months", "training on H100s, high", published="10,528"),
    ),
    "Inference": (
        Q("dit_step", 524e9, "operations", "DiT-XL/2, 512 px, one step", "524.6, " + DIT, "524e9"),
        # A good sampler needs 50; DiT's guidance doubles the 250 that the article counts.
        Q("steps", 250, "", "sampler steps", DIT, "250", spread=Spread("log-uniform", 50, 500)),
        Q("dit_image", "dit_step * steps", "operations", "one image", published="131e12",
          carried=3),
        Q("dit_break_even", "dit_train / dit_image", "images", "break-even", published="7.6 M"),
        Q("sora_step", "dit_step * size_ratio * latent_frames", "operations", "Sora, one step",
          published="2.8e15", carried=3),
        Q("sora_minute", "sora_step * steps", "operations", "one minute of video",
          published="708e15", carried=3),
        Q("minutes_per_hour", "h100_peak * 3600 / (sora_minute * flops_per_operation)", "minutes",
          "video of an H100-hour, at peak", published="5", carried=1),
        Q("break_even_low", "sora_train_low / sora_minute", "minutes", "break-even, low",
          published="15.3 M"),
        Q("break_even_high", "sora_train_high / sora_minute", "minutes", "break-even, high",
          published="38.1 M"),
    ),
    "Per output": (
        Q("sora_output", "sora_minute * flops_per_operation", "FLOP", "Sora, one minute",
          published="708e15"),
        Q("dit_output", "dit_image * flops_per_operation", "FLOP", "DiT-XL/2, one image",
          published="131e12"),
        Q("tokens", 1000, "", "tokens of an answer", ASSUMED, "1,000"),
        Q("llama_params", 70e9, "", "weights of Llama 2 70B", "Llama 2, 2307.09288", "70e9"),
        Q("llama_output", "2 * llama_params * tokens", "FLOP", "Llama 2 70B, 1,000 tokens"),
        Q("gpt4_experts", 2, "", "active experts of GPT-4", ASSUMED, "2"),
        Q("gpt4_params", 220e9, "", "weights of an expert", ASSUMED, "220e9"),
        Q("gpt4_output", "2 * gpt4_experts * gpt4_params * tokens", "FLOP",
          "GPT-4, 1,000 tokens"),
        Q("sora_over_llama", "sora_output / llama_output", "x", "Sora over Llama 2"),
        Q("sora_over_gpt4", "sora_output / gpt4_output", "x", "Sora over GPT-4"),
    ),
    "Demand, a day": (
        Q("tiktok_minutes", 17e6, "minutes", "uploaded to TikTok", UPLOADS, "17 M"),
        Q("tiktok_share", 0.5, "", "share made by models, TikTok", ASSUMED,
          spread=Spread("log-uniform", 0.25, 1)),
        Q("tiktok_ai", "tiktok_minutes * tiktok_share", "minutes", "made for TikTok",
          published="8.5 M"),
        Q("youtube_minutes", 43e6, "minutes", "uploaded to YouTube", UPLOADS, "43 M"),
        Q("youtube_share", 0.15, "", "share made by models, YouTube", ASSUMED,
          spread=Spread("log-uniform", 0.05, 0.45)),
        Q("youtube_ai", "youtube_minutes * youtube_share", "minutes", "made for YouTube",
          published="6.5 M"),
        Q("ai_minutes", "tiktok_ai + youtube_ai", "minutes", "made by models, in all",
          published="10.7 M", slip=ADDED),
        Q("minutes_per_day", "minutes_per_hour * 24", "minutes", "video of an H100-day",
          published="120"),
        Q("h100s", "ai_minutes / minutes_per_day", "", "H100s at peak speed, evenly in time",
          published="89 k", slip=FOLLOWS),
        Q("utilisation", 2, "x", "peak speed over real speed", ASSUMED, "2",
          spread=Spread("log-normal", 1.5, 4)),
        Q("peak_demand", 2, "x", "busiest time over mean", ASSUMED, "2",
          spread=Spread("log-normal", 1.5, 4)),
        Q("candidates", 2, "x", "videos made for one kept", ASSUMED, "2",
          spread=Spread("log-uniform", 1, 4)),
        Q("h100s_at_peak", "h100s * utilisation * peak_demand * candidates", "",
          "H100s at the busiest time", published="720 k", slip=PEAK),
    ),
}  # fmt: skip
CHAIN = tuple(q for quantities in SECTIONS.values() for q in quantities)
