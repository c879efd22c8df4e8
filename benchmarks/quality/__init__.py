"""How good are the pictures? Losses, steadiness and time of ours and others', on pictures never trained on."""
