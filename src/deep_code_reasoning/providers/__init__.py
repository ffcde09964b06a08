"""Models: name -> client, price, abilities. The only importer of vendors' SDKs and of the library over them."""
