"""Fine-tuning: how many blocks of a pretrained model are trained, chosen from the data."""
