"""Small reproductions of papers, one file per kind of probe, judged by the product's own commands."""
