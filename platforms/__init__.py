"""What operating systems do in ways of their own; neither the app nor the training has to know the other for it."""
