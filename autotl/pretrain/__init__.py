"""Source models: a small network learns from labels, or from a pretrained teacher, and becomes a backbone."""
