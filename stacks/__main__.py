"""The program that `pulumi up`, `pulumi preview` and `modelyard preview` run."""

from stacks.serving import serve

if __name__ == "__main__":
    serve()
