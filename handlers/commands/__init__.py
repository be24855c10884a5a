"""The commands, one function each, in one file an area; found by walking this folder. Areas never import each other."""
