// One translation unit for the precompiled header.
