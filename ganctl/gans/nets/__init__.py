"""Networks, one paper or tutorial each: layers and nothing else."""
