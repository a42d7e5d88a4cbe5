"""What tests of this package and of services that embed it share; needs the extra `testing`."""
