"""Ablation: which tricks of a config pay on its data, each removed alone and added alone."""
