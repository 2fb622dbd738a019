"""SecretArray, its primitives and @gadget: the language that cells and gadgets are written in."""
