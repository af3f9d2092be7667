# Sends each file named on the command line in a request of its own, by one library of Ruby, for
# test/cgi/programs.test.ts. What the server answers is not looked at.
# Usage: send.rb LIBRARY URL FILE...

library, url, *paths = ARGV

paths.each do |path|
  if library == 'net-http'
    require 'net/http'
    request = Net::HTTP::Post.new(URI(url))
    request.set_form([['file', File.open(path)]], 'multipart/form-data')
    Net::HTTP.start(URI(url).host, URI(url).port) { |http| http.request(request) }
  else
    require 'rest-client'
    begin
      RestClient.post(url, file: File.open(path))
    rescue RestClient::Exception
      # Refused.
    end
  end
end
