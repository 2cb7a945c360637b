"""Networks: the video diffusion transformer and its variants, a space-time U-Net, their parts."""
