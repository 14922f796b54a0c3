"""From products to items: templates, mapping, values, seeds and names; what a run will make, and how long it takes."""
