"""The frontier of a sweep: minima of budgets, and laws of loss against compute through them."""
