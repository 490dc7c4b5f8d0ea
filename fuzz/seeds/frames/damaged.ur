ur:bytes/1-2/lpadaobkfwaxaxaxaxax
