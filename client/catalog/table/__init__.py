"""Product tables of any shop system, read as rows, products and their photographs."""
