"""Why a gradient is wrong: causes, and their sentences."""
